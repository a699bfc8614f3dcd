// Text from a model, token by token. What computes a token's scores is a decoder: with a cache, or without.
import type { Device } from '@lockstep/tensor';
import { ConfigError } from '@lockstep/errors';
import type { Model } from '../models/model.ts';
import { sample, type SamplingOptions } from '../sampling.ts';
import { createCachedDecoder } from './cached-decoder.ts';
import type { TokenDecoder } from './token-decoder.ts';
import { createWindowDecoder } from './window-decoder.ts';

/** How much is generated, and how tokens are drawn. */
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

/** A model whose parameters are on a device. */
export interface PlacedModel {
  readonly device: Device;
  readonly model: Model;
}

/**
 * Prepares a model for generation: token by token, where each depends on those before by causal attention alone; otherwise every token
 * costs a pass over the whole context. Which of them, a model may say; else it is tried.
 * @throws {ConfigError} for a model without logits or a context. @throws {DeviceError}
 */
export async function createGenerator({ device, model }: PlacedModel): Promise<Generator> {
  const context = contextOf(model);
  const decoder =
    (await createCachedDecoder({ device, model, context })) ?? (await createWindowDecoder({ device, model, context }));
  return new TokenGenerator(decoder, context);
}

function contextOf({ context, value }: Model): number {
  if (context !== undefined) return context;
  throw new ConfigError(
    `generate: expected a model with a setting \`context\`, the longest text that it sees, got ${value.kind} without one`,
  );
}

/** The part of a text that the model sees. */
interface Window {
  readonly text: number[];
  /** Where it starts in the text. */
  start: number;
  /** Where the tokens end whose keys and values were put into the cache. */
  computed: number;
}

class TokenGenerator implements Generator {
  readonly #decoder: TokenDecoder;
  readonly #context: number;
  /** Whose tokens the decoder has seen. */
  #holder: Window | undefined;
  /** Windows take turns at the decoder: when the last of them is done. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(decoder: TokenDecoder, context: number) {
    this.#decoder = decoder;
    this.#context = context;
  }

  async *generate(
    prompt: readonly number[],
    { tokens = 200, ...sampling }: GenerateOptions = {},
  ): AsyncGenerator<number, void, undefined> {
    const context = this.#context;
    checkPrompt(prompt, this.#decoder.vocab);
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
    this.#decoder.dispose();
  }

  /** Scores of the token after the window. */
  #next(window: Window): Promise<Float32Array> {
    const turn = this.#turn.then(() => this.#compute(window));
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  async #compute(window: Window): Promise<Float32Array> {
    const { text, start } = window;
    if (this.#holder !== window) window.computed = start;
    this.#holder = window;
    const scores = await this.#decoder.next(text.slice(start), window.computed - start);
    window.computed = text.length;
    return scores;
  }
}

function checkPrompt(prompt: readonly number[], vocab: number): void {
  if (prompt.length === 0) throw new ConfigError('generate: expected a prompt of at least one token, got none');
  const foreign = prompt.find((id) => !(Number.isInteger(id) && id >= 0 && id < vocab));
  if (foreign !== undefined) throw new ConfigError(`generate: expected token ids below ${vocab}, got ${foreign}`);
}
