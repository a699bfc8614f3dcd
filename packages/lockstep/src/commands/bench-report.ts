// `lockstep bench report`: files of several adapters as one page.
import { replaceFile } from '@lockstep/nn/node';
import { readBenchFile } from '../bench/bench-schema.ts';
import { reportPage } from '../bench/report/page.ts';
import { t4Of } from '../bench/t4.ts';
import { say } from '../console/say.ts';

export async function benchReportCommand(
  files: readonly string[],
  { out, t4 }: { out: string; t4?: string },
): Promise<void> {
  const read = await Promise.all(files.map((file) => readBenchFile(file)));
  if (t4) await replaceFile(t4, (file) => file.writeFile(`${JSON.stringify(t4Of(read))}\n`));
  const page = await reportPage(read);
  await replaceFile(out, (file) => file.writeFile(page));
  say(process.stdout, `${out}: ${read.length} ${read.length === 1 ? 'file' : 'files'}`);
}
