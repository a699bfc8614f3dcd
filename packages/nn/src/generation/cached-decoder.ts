// One token's work for one more token: keys and values of those before are kept. The work is recorded once and replayed.
import type { Program, Tensor } from '@lockstep/tensor';
import { definitionOf } from '../settings/definition.ts';
import type { ModelDefinition } from '../models/define-model.ts';
import type { PlacedModel } from './generator.ts';
import { CachePlan, KeyValueCache, NotStepwiseError } from './key-value-cache.ts';
import { stillRandom, type TokenDecoder } from './token-decoder.ts';
import { createWindowDecoder } from './window-decoder.ts';

interface Placed extends PlacedModel {
  readonly context: number;
}

/** A decoder with a cache; undefined for a model of which a token does not follow from what attention keeps. @throws {DeviceError} */
export async function createCachedDecoder(placed: Placed): Promise<TokenDecoder | undefined> {
  const widths = cacheWidths(placed);
  if (!widths) return undefined;
  const decoder = await CachedDecoder.create(placed, widths);
  const { isStepwise } = definitionOf<ModelDefinition>(placed.model.value);
  if (isStepwise ?? (await agreesWithWindow(decoder, placed))) return decoder;
  decoder.dispose();
  return undefined;
}

/** How wide the keys and values of a token are in each attention that the model calls; undefined where some cannot be kept. */
function cacheWidths({ device, model }: Placed): readonly number[] | undefined {
  const plan = new CachePlan();
  const token = device.tensor(new Uint32Array(1), [1, 1]);
  const { random, counters } = stillRandom(device);
  try {
    device.scope(() => device.decodingWith(plan, () => void model.logits({ tokens: token, positions: token, random })));
    return plan.widths;
  } catch (error) {
    if (error instanceof NotStepwiseError) return undefined;
    throw error;
  } finally {
    token.dispose();
    counters.dispose();
  }
}

/** Tokens that are tried, and how far scores may differ, as a share of the largest. */
const [triedTokens, tolerance] = [6, 1e-3];

/** Whether scores are those of a pass over all tokens: they are not where rows mix by other ways than attention. */
async function agreesWithWindow(decoder: TokenDecoder, placed: Placed): Promise<boolean> {
  const length = Math.min(triedTokens, placed.context);
  const tokens = Array.from({ length }, (_, i) => (7 * i + 3) % decoder.vocab);
  const window = await createWindowDecoder({ ...placed, context: length });
  const [one, other] = [await decoder.next(tokens, 0), await window.next(tokens, 0)];
  window.dispose();
  const largest = other.reduce((most, score) => Math.max(most, Math.abs(score)), 0);
  return one.every((score, i) => Math.abs(score - other[i]!) <= tolerance * Math.max(1, largest));
}

class CachedDecoder implements TokenDecoder {
  readonly vocab: number;
  readonly #placed: Placed;
  readonly #cache: KeyValueCache;
  readonly #token: Tensor;
  readonly #counters: Tensor;
  readonly #program: Program<Tensor>;

  static async create(placed: Placed, widths: readonly number[]): Promise<CachedDecoder> {
    const { device, model, context } = placed;
    const cache = new KeyValueCache(device, { widths, context });
    const token = device.empty([1, 1], 'u32');
    const positions = device.view(cache.position, 0, [1, 1]);
    const { random, counters } = stillRandom(device);
    const program = await device.capture(() =>
      device.decodingWith(cache, () => model.logits({ tokens: token, positions, random })),
    );
    return new CachedDecoder(placed, { cache, token, counters, program });
  }

  private constructor(
    placed: Placed,
    made: { cache: KeyValueCache; token: Tensor; counters: Tensor; program: Program<Tensor> },
  ) {
    this.vocab = made.program.result.shape.at(-1)!;
    this.#placed = placed;
    this.#cache = made.cache;
    this.#token = made.token;
    this.#counters = made.counters;
    this.#program = made.program;
  }

  async next(tokens: readonly number[], seen: number): Promise<Float32Array> {
    const program = this.#program;
    let scores: Float32Array | undefined;
    for (let at = seen; at < tokens.length; at++) {
      this.#token.write(Uint32Array.of(tokens[at]!));
      this.#cache.position.write(Uint32Array.of(at));
      const isLast = at === tokens.length - 1;
      [scores] = await this.#placed.device.submit(isLast ? [program, program.result] : [program]);
    }
    return scores!;
  }

  dispose(): void {
    this.#program.dispose();
    this.#cache.dispose();
    for (const tensor of [this.#token, this.#counters]) tensor.dispose();
  }
}
