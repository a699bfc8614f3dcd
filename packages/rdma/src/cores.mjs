// On which cores the thread runs.
// @ts-check

import { allowCores, allowedCores } from './libc.mjs';

export class Cores {
  /** As the thread was started. */
  #allowed = allowedCores();

  /** @param {number} index counts the cores that are allowed, and begins again where there are fewer; −1 for all of them */
  use(index) {
    if (!this.#allowed) return;
    const cores = [...bitsOf(this.#allowed)];
    allowCores(index < 0 ? this.#allowed : maskOf(cores[index % cores.length] ?? 0, this.#allowed.length));
  }
}

/** @param {Uint32Array} mask */
function* bitsOf(mask) {
  for (let bit = 0; bit < 32 * mask.length; bit++) if (((mask[bit >>> 5] ?? 0) >>> (bit & 31)) & 1) yield bit;
}

/** @param {number} bit @param {number} words */
function maskOf(bit, words) {
  const mask = new Uint32Array(words);
  mask[bit >>> 5] = 1 << (bit & 31);
  return mask;
}
