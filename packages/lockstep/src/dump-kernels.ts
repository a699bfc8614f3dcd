// Generated kernels as files, for those who want to read what their ops became.
import { writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { onGeneratedKernel } from '@lockstep/tensor';

/** Writes every kernel that is generated from now on to a folder, numbered in the order in which they are met. */
export async function dumpKernels(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  let count = 0;
  onGeneratedKernel(({ name, code }) => {
    writeFileSync(join(folder, `${String(++count).padStart(3, '0')}_${name}.wgsl`), code);
  });
}
