// Choosing the next token from its scores, on the host. A pure function of scores, seed and position.
import { philox, toWords } from '@lockstep/tensor';

export interface SamplingOptions {
  /** Divides the scores; 0 always takes the likeliest token. */
  readonly temperature?: number;
  /** Only the k likeliest tokens may be chosen. */
  readonly topK?: number;
  readonly seed?: number;
}

/** Sets sampling apart from everything else that draws with the same seed. */
const purpose = 0x73616d70;

/** A uniform number in [0, 1) of 32 random bits that belongs to a position of a text. */
function uniformAt(seed: number, position: number): number {
  return philox([position >>> 0, 0, 0, purpose], toWords(seed))[0] / 0x100000000;
}

/** The likeliest first; of equals, the one with the smaller id. */
function ranked(logits: Float32Array, count: number): number[] {
  const ids = Array.from(logits.keys()).sort((a, b) => logits[b]! - logits[a]! || a - b);
  return ids.slice(0, count);
}

/**
 * Draws a token.
 * @param logits scores of the vocabulary.
 * @param position number of tokens before this one, which keys the random number.
 */
export function sample(
  logits: Float32Array,
  position: number,
  { temperature = 1, topK = logits.length, seed = 0 }: SamplingOptions = {},
): number {
  const candidates = ranked(logits, temperature === 0 ? 1 : Math.max(1, topK));
  const best = logits[candidates[0]!]!;
  const weights = candidates.map((id) => Math.exp((logits[id]! - best) / (temperature || 1)));
  let left = uniformAt(seed, position) * weights.reduce((sum, weight) => sum + weight, 0);
  for (const [i, id] of candidates.entries()) if ((left -= weights[i]!) < 0) return id;
  return candidates.at(-1)!;
}
