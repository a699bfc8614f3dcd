// `lockstep bench report`: files of several adapters as one page.
import { replaceFile } from '@lockstep/nn/node';
import { readBenchFile } from '../bench/bench-file.ts';
import { reportPage } from '../bench/report/page.ts';
import { say } from '../say.ts';

export async function benchReportCommand(files: readonly string[], { out }: { out: string }): Promise<void> {
  const read = await Promise.all(files.map((file) => readBenchFile(file)));
  const page = await reportPage(read);
  await replaceFile(out, (file) => file.writeFile(page));
  say(process.stdout, `${out}: ${read.length} ${read.length === 1 ? 'file' : 'files'}`);
}
