// What the trainer and the generator need of a model. A description is plain data, as a run file holds it; a model is the
// description with a known vocabulary and the function that computes it.
import { sizeOf, type Tensor } from '@lockstep/tensor';
import type { BufferSpec, Parameters, ParameterSpec } from '../parameters.ts';
import type { KeyValueCache } from './key-value-cache.ts';

/** What a forward pass is given. */
export interface ForwardInputs {
  /** Token ids. */
  readonly tokens: Tensor; // (B, T) of each shard
  /** Place of each token in its sequence. */
  readonly positions: Tensor; // (B, T) of each shard
  /** The counters that dropout draws from: seed (2 words), step, first shard of the pass. Only while training. */
  readonly random?: Tensor; // (4)
  /** Keys and values of the tokens before, when tokens come one by one. */
  readonly cache?: KeyValueCache;
}

export interface Model {
  /** Longest sequence, in tokens. */
  readonly context: number;
  readonly vocab: number;
  readonly layers: number;
  /** Width of the keys and values of one token and layer. */
  readonly cacheWidth: number;
  readonly parameters: readonly ParameterSpec[];
  /** What it computes with and does not learn. */
  readonly buffers: readonly BufferSpec[];
  /** Scores of every token of the vocabulary as the next. */
  logits(parameters: Parameters, inputs: ForwardInputs): Tensor; // (B, T, V)
  /** Hugging Face's config.json for the same architecture. */
  config(): Record<string, unknown>;
}

/** Numbers that a model learns. */
export function countParameters({ parameters }: Pick<Model, 'parameters'>): number {
  return parameters.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
}
