// Kernels that were written at run time, each text parsed once; and who wants to see them.
import { type AnyKernel, parseKernel } from '@lockstep/kernels';

const known = new Map<string, AnyKernel>();
const listeners = new Set<(kernel: AnyKernel) => void>();

/** The kernel of a generated text. */
export function generated(name: string, code: string): AnyKernel {
  let kernel = known.get(code);
  if (!kernel) {
    known.set(code, (kernel = parseKernel(name, code)));
    for (const listener of listeners) listener(kernel);
  }
  return kernel;
}

/**
 * Calls `listener` with every kernel that is generated from now on, and with those that have been: for `--dump-kernels`.
 * @returns what ends it.
 */
export function onGeneratedKernel(listener: (kernel: AnyKernel) => void): () => void {
  for (const kernel of known.values()) listener(kernel);
  listeners.add(listener);
  return () => listeners.delete(listener);
}
