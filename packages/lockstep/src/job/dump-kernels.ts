// Generated kernels as files, for those who want to read what their ops became.
import { closeSync, constants, ftruncateSync, statSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { onGeneratedKernel } from '@lockstep/tensor';
import { openOwnFile, requireOwner } from '@lockstep/trainer/node';

/**
 * Writes every kernel that is generated from now on to a folder, numbered in the order in which they are met.
 * @throws {ConfigError} where the folder, or a file of that name in it, is another user's, or a link.
 */
export async function dumpKernels(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  requireOwner(folder, statSync(folder), folder);
  let count = 0;
  onGeneratedKernel(({ name, code }) => {
    writeOver(join(folder, `${String(++count).padStart(3, '0')}_${name}.wgsl`), code);
  });
}

function writeOver(path: string, text: string): void {
  const file = openOwnFile(path, constants.O_WRONLY | constants.O_CREAT);
  try {
    ftruncateSync(file);
    writeFileSync(file, text);
  } finally {
    closeSync(file);
  }
}
