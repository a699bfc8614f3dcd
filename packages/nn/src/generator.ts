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
  /**
   * Yields token ids that follow the prompt. What no longer fits the context is forgotten: of a prompt its beginning, and
   * whenever the context is full its first half. Texts generated at once are as if each were alone, but
   * compute their windows anew whenever they take turns: better give each a generator.
   * @throws {ConfigError} for an empty prompt, ids that are not the model's, or options out of range.
   */
  generate(prompt: readonly number[], options?: GenerateOptions): AsyncGenerator<number, void, undefined>;
  /** Gives the memory of the cache back. */
  dispose(): void;
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

/** The part of a text that the model sees. */
interface Window {
  readonly text: number[];
  /** Where it starts in the text. */
  start: number;
  /** Where the tokens end whose keys and values were put into the cache. */
  computed: number;
}

class CachedGenerator implements Generator {
  readonly #decoder: Decoder;
  /** Whose keys and values the cache holds. */
  #holder: Window | undefined;
  /** Windows take turns at the cache: when the last of them is done. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(decoder: Decoder) {
    this.#decoder = decoder;
  }

  async *generate(
    prompt: readonly number[],
    { tokens = 200, ...sampling }: GenerateOptions = {},
  ): AsyncGenerator<number, void, undefined> {
    const { vocab, context } = this.#decoder.model;
    checkPrompt(prompt, vocab);
    if (!(Number.isInteger(tokens) && tokens >= 0))
      throw new ConfigError(`generate: expected a whole number of tokens, got ${tokens}`);
    const text = [...prompt];
    const start = Math.max(0, text.length - context);
    const window: Window = { text, start, computed: start };
    for (let count = 0; count < tokens; count++) {
      const id = sample(await this.#next(window), text.length, sampling);
      yield id;
      text.push(id);
      // A full context starts again with its second half, at the cost of computing that half anew.
      if (text.length - window.start > context) window.start = window.computed = text.length - Math.ceil(context / 2);
    }
  }

  dispose(): void {
    const { cache, token, program } = this.#decoder;
    program.dispose();
    for (const tensor of [...cache.layers, cache.position, token]) tensor.dispose();
  }

  /** Scores of the token after the window. */
  #next(window: Window): Promise<Float32Array> {
    const turn = this.#turn.then(() => this.#compute(window));
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  async #compute(window: Window): Promise<Float32Array> {
    const { device, cache, token, program } = this.#decoder;
    const { text, start } = window;
    if (this.#holder !== window) window.computed = start;
    this.#holder = window;
    let logits: Float32Array | undefined;
    for (; window.computed < text.length; window.computed++) {
      token.write(Uint32Array.of(text[window.computed]!));
      cache.position.write(Uint32Array.of(window.computed - start));
      const last = window.computed === text.length - 1;
      [logits] = await device.submit(last ? [program, program.result] : [program]);
    }
    return logits!;
  }
}

function checkPrompt(prompt: readonly number[], vocab: number): void {
  if (prompt.length === 0) throw new ConfigError('generate: expected a prompt of at least one token, got none');
  const foreign = prompt.find((id) => !(Number.isInteger(id) && id >= 0 && id < vocab));
  if (foreign !== undefined) throw new ConfigError(`generate: expected token ids below ${vocab}, got ${foreign}`);
}
