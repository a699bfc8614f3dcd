// A short name for a tokenizer's whole content: enough to notice that it changed, no protection against malice.
import { streamOf } from '@lockstep/tensor';

/** `kind-` and 64 bits of hash (two 32-bit hashes from different starts). */
export function fingerprintOf(kind: string, content: unknown): string {
  const text = JSON.stringify(content);
  const hash = [`1${text}`, `2${text}`].map((salted) => streamOf(salted).toString(16).padStart(8, '0'));
  return `${kind}-${hash.join('')}`;
}
