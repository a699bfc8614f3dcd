// On which cores the thread runs.

import { allowCores, allowedCores } from './libc.ts';

export class Cores {
  /** As the thread was started. */
  readonly #allowed = allowedCores();

  /** @param index counts the cores that are allowed, and begins again where there are fewer; −1 for all of them */
  use(index: number): void {
    if (!this.#allowed) return;
    const cores = [...bitsOf(this.#allowed)];
    allowCores(index < 0 ? this.#allowed : maskOf(cores[index % cores.length] ?? 0, this.#allowed.length));
  }
}

function* bitsOf(mask: Uint32Array): Generator<number> {
  for (let bit = 0; bit < 32 * mask.length; bit++) if (((mask[bit >>> 5] ?? 0) >>> (bit & 31)) & 1) yield bit;
}

function maskOf(bit: number, words: number): Uint32Array {
  const mask = new Uint32Array(words);
  mask[bit >>> 5] = 1 << (bit & 31);
  return mask;
}
