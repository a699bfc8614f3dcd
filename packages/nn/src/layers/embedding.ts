// Rows of a table, by number: of tokens, of positions.
import { embedding as embeddingOp, matmul, type Tensor } from '@lockstep/tensor';
import { type Layer, layer } from './layer.ts';
import { parameter, type ParameterOptions, type ParameterSlot } from './parameter.ts';

export interface EmbeddingOptions extends ParameterOptions {
  /** Standard deviation of the first values; 0.02 unless given, as in GPT-2. */
  readonly std?: number;
  /** The optimizer's group; `embedding` unless given, since its rows are seldom all in use. */
  readonly group?: string;
}

export type Embedding = Layer<
  (tokens: Tensor) => Tensor,
  { readonly weight: ParameterSlot; readonly unembed: (x: Tensor) => Tensor }
>;

/**
 * `tokens` (…) of u32, below `count`, to (…, width). `unembed` goes back: the scores (…, count) of `x` (…, width) for each row, as where
 * the head is tied to the embedding (Press & Wolf 2017).
 */
export function embedding(count: number, width: number, options: EmbeddingOptions = {}): Embedding {
  const { std = 0.02, initial = { std }, group = 'embedding', ...more } = options;
  const weight = parameter([count, width], { ...more, group, initial });
  return layer(
    { weight, unembed: (x: Tensor): Tensor => matmul(x, weight.value, { transposeB: true }) },
    (tokens: Tensor): Tensor => embeddingOp(tokens, weight.value),
  );
}
