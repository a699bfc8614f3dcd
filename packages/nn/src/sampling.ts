// Choosing the next token from its scores, on the host. A pure function of scores, seed and position.
import { philox, toWords } from '@lockstep/tensor';
import { ConfigError, DivergedError } from '@lockstep/errors';

export interface SamplingOptions {
  /** Divides the scores; 0 always takes the likeliest token; 1 unless given. */
  readonly temperature?: number;
  /** Only the k likeliest tokens may be chosen; any unless given. */
  readonly topK?: number;
  readonly seed?: number;
}

/** Sets sampling apart from everything else that draws with the same seed. */
const purpose = 0x73616d70;

/** A uniform number in [0, 1) of 32 random bits that belongs to a position of a text. */
function uniformAt(seed: number, position: number): number {
  return philox([position >>> 0, 0, 0, purpose], toWords(seed))[0] / 0x100000000;
}

/** The ids of the k highest scores; of equals, those with the smaller ids. */
function likeliest(logits: Float32Array, k: number): number[] {
  const ids = Array.from(logits.keys());
  if (k === 1) return [ids.reduce((best, id) => (logits[id]! > logits[best]! ? id : best))];
  return k < ids.length ? ids.sort((a, b) => logits[b]! - logits[a]! || a - b).slice(0, k) : ids;
}

/**
 * Draws a token.
 * @param logits scores of the vocabulary.
 * @param position number of tokens before this one, which keys the random number.
 * @throws {ConfigError} for options out of range.
 * @throws {DivergedError} for scores that are NaN or +Infinity, or all -Infinity, which is a score for what must not come.
 */
export function sample(
  logits: Float32Array,
  position: number,
  { temperature = 1, topK = logits.length, seed = 0 }: SamplingOptions = {},
): number {
  check('temperature', temperature, { rule: 'a number, 0 or more', holds: temperature >= 0 && temperature < Infinity });
  check('topK', topK, { rule: 'a whole number above 0', holds: Number.isInteger(topK) && topK > 0 });
  check('seed', seed, { rule: 'a whole number, 0 or more', holds: Number.isSafeInteger(seed) && seed >= 0 });
  requireScores(logits);
  const candidates = likeliest(logits, temperature === 0 ? 1 : topK);
  if (candidates.length === 1) return candidates[0]!;
  const best = candidates.reduce((most, id) => Math.max(most, logits[id]!), -Infinity);
  const weights = candidates.map((id) => Math.exp((logits[id]! - best) / temperature));
  let left = uniformAt(seed, position) * weights.reduce((sum, weight) => sum + weight, 0);
  return candidates.find((_, i) => (left -= weights[i]!) < 0) ?? candidates.at(-1)!;
}

function requireScores(logits: Float32Array): void {
  let most = -Infinity;
  for (const [id, score] of logits.entries()) {
    if (!(score < Infinity)) refuse(`finite scores of tokens, got ${score} for token ${id}`);
    if (score > most) most = score;
  }
  if (most === -Infinity) refuse(`a token with a score above -Infinity, got none of ${logits.length}`);
}

function refuse(rule: string): never {
  throw new DivergedError(
    `generate: expected ${rule}\nhint: the weights are too large for f32; take those of an earlier checkpoint`,
  );
}

function check(name: string, value: number, { rule, holds }: { rule: string; holds: boolean }): void {
  if (!holds) throw new ConfigError(`generate: ${name}: expected ${rule}, got ${value}`);
}
