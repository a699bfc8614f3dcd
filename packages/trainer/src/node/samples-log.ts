// samples.txt: what the model wrote on the way, each text under a line that names its step, appended as it happens.
import { closeSync, constants, writeFileSync } from 'node:fs';
import { atPath, replaceFile } from '@lockstep/nn/node';
import { openOwnFile } from './own-file.ts';
import { readLog } from './read-log.ts';

/** Adds a text, and makes the file if there is none. */
export function appendSample(path: string, { step, text }: { readonly step: number; readonly text: string }): void {
  const file = openOwnFile(path, constants.O_APPEND | constants.O_WRONLY | constants.O_CREAT);
  try {
    writeFileSync(file, `─── after step ${step} ───\n${text}\n\n`);
  } catch (error) {
    throw atPath(path, error);
  } finally {
    closeSync(file);
  }
}

/** Leaves out the texts of steps after `last`, which a resumed run writes anew; whole or not at all. */
export async function forgetSamplesAfter(path: string, last: number): Promise<void> {
  const text = await readLog(path);
  const later = Array.from(text.matchAll(/^─── after step (\d+) ───$/gm)).find(([, step]) => Number(step) > last);
  if (later) await replaceFile(path, (file) => file.writeFile(text.slice(0, later.index)));
}
