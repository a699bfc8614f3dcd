// Text from a model, token by token, with a cache of keys and values. The work of one token is recorded once and replayed.
import type { Device, Program, Tensor } from '@lockstep/tensor';
import { ConfigError } from './errors.ts';
import { createCache, type KeyValueCache } from './models/key-value-cache.ts';
import type { Model } from './models/model.ts';
import type { Parameters } from './parameters.ts';
import { sample, type SamplingOptions } from './sampling.ts';

export interface GenerateOptions extends SamplingOptions {
  /** Number of tokens to generate. */
  readonly tokens?: number;
}

/** Generates with the parameters as they are when a token is computed. Made by {@link createGenerator}. */
export interface Generator {
  /** Yields token ids that follow the prompt, which must not be empty. @throws {ConfigError} */
  generate(prompt: readonly number[], options?: GenerateOptions): AsyncGenerator<number, void, undefined>;
}

/** Prepares a model for generation. @throws {DeviceError} */
export async function createGenerator({
  device,
  model,
  parameters,
}: {
  device: Device;
  model: Model;
  parameters: Parameters;
}): Promise<Generator> {
  const cache = createCache(device, model);
  const token = device.empty([1, 1], 'u32');
  const positions = device.view(cache.position, 0, [1, 1]);
  const program = await device.capture(() => model.logits(parameters, { tokens: token, positions, cache }));
  return new CachedGenerator({ device, model, cache, token, program });
}

interface Decoder {
  readonly device: Device;
  readonly model: Model;
  readonly cache: KeyValueCache;
  readonly token: Tensor;
  readonly program: Program<Tensor>;
}

class CachedGenerator implements Generator {
  readonly #decoder: Decoder;

  constructor(decoder: Decoder) {
    this.#decoder = decoder;
  }

  async *generate(
    prompt: readonly number[],
    { tokens = 200, ...sampling }: GenerateOptions = {},
  ): AsyncGenerator<number, void, undefined> {
    const { vocab, context } = this.#decoder.model;
    const foreign = prompt.find((id) => !(id >= 0 && id < vocab));
    if (prompt.length === 0) throw new ConfigError('generate: expected a prompt of at least one token, got none');
    if (foreign !== undefined) throw new ConfigError(`generate: expected token ids below ${vocab}, got ${foreign}`);
    const text = [...prompt];
    let window = recent(text, context);
    let logits = await this.#read(window, 0);
    for (let count = 0; count < tokens; count++) {
      const id = sample(logits, text.length, sampling);
      yield id;
      text.push(id);
      // A full context starts again with its second half, at the cost of computing that half anew.
      const full = window.length + 1 > context;
      const computed = full ? 0 : window.length;
      window = full ? text.slice(-Math.ceil(context / 2)) : [...window, id];
      if (count + 1 < tokens) logits = await this.#read(window, computed);
    }
  }

  /** Scores after the last token of the window, of which the first `computed` tokens are in the cache. */
  async #read(window: readonly number[], computed: number): Promise<Float32Array> {
    const { device, cache, token, program } = this.#decoder;
    for (let position = computed; position < window.length; position++) {
      token.write(Uint32Array.of(window[position]!));
      cache.position.write(Uint32Array.of(position));
      if (position < window.length - 1) await device.submit([program]);
    }
    const [logits] = await device.submit([program, program.result]);
    return logits!;
  }
}

/** The end of the text that fits the context; all of it if it can. */
function recent(text: readonly number[], context: number): number[] {
  return text.slice(-context);
}
