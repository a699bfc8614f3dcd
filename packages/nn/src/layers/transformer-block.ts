// A pre-normalised transformer block: attention, perhaps cross-attention, then a feed-forward layer, each added to what goes in.
import { ConfigError } from '@lockstep/errors';
import { add, type Random, type Tensor } from '@lockstep/tensor';
import {
  attention,
  type Attention,
  type AttentionInputs,
  type AttentionLayerOptions,
  crossAttention,
  type CrossAttention,
} from './attention.ts';
import { feedForward, type FeedForward, type FeedForwardKind } from './feed-forward.ts';
import { type Layer, layer } from './layer.ts';
import { layerNorm, rmsNorm } from './norms.ts';

export interface TransformerBlockOptions extends AttentionLayerOptions {
  /** `layer` or `rms`; `layer` unless given. */
  readonly norm?: 'layer' | 'rms';
  /** What the norms add under the root; 1e-5 unless given. */
  readonly epsilon?: number;
  /** Look at the rows of something else, too, after looking at its own, as a decoder does at its encoder's. */
  readonly cross?: { readonly memoryWidth?: number };
  /** `gelu` unless given. */
  readonly feedForward?: FeedForwardKind;
  /** Width inside the feed-forward layer. */
  readonly hidden?: number;
  /** Share of what each layer gives that is dropped while training; 0 unless given. */
  readonly dropout?: number;
}

export interface TransformerBlockInputs extends AttentionInputs {
  /** Where dropout draws from. */
  readonly random?: Random;
  /** With `cross`: the rows that are looked at, (B, S, memoryWidth). */
  readonly memory?: Tensor;
  /** With `cross`: (B) of u32, how many rows of each memory count. */
  readonly memoryLengths?: Tensor;
}

type BlockNorm = ReturnType<typeof layerNorm | typeof rmsNorm>;

export type TransformerBlock = Layer<
  (x: Tensor, inputs?: TransformerBlockInputs) => Tensor,
  {
    readonly attentionNorm: BlockNorm;
    readonly attention: Attention;
    readonly crossNorm: BlockNorm | undefined;
    readonly cross: CrossAttention | undefined;
    readonly feedForwardNorm: BlockNorm;
    readonly feedForward: FeedForward;
  }
>;

/**
 * `x` (B, T, width) to (B, T, width). Radford et al. 2019, with options; with `cross`, the decoder's block of Vaswani et al. 2017,
 * normalised before each layer. `initialOut` says how the last projection of each layer begins.
 * @throws {ConfigError} for heads that do not go together, and, when called, for a memory that is missing
 */
export function transformerBlock(width: number, options: TransformerBlockOptions): TransformerBlock {
  const {
    norm = 'layer',
    epsilon = 1e-5,
    cross: memory,
    feedForward: kind = 'gelu',
    hidden,
    dropout = 0,
    ...self
  } = options;
  const { causal: _, window: _w, rotary: _r, ...both } = self;
  const { bias = true, group, initialOut } = self;
  const slot = { ...(group !== undefined && { group }), ...(initialOut !== undefined && { initialOut }) };
  const normed = (): BlockNorm =>
    (norm === 'rms' ? rmsNorm : layerNorm)(width, { epsilon, ...(group !== undefined && { group }) });
  const parts = {
    attentionNorm: normed(),
    attention: attention(width, self),
    crossNorm: memory && normed(),
    cross: memory && crossAttention(width, { ...both, ...memory }),
    feedForwardNorm: normed(),
    feedForward: feedForward(width, { kind, bias, ...(hidden !== undefined && { hidden }), ...slot }),
  };

  return layer(parts, (x: Tensor, inputs: TransformerBlockInputs = {}): Tensor => {
    const { random, memory: rows, memoryLengths, ...own } = inputs;
    const seen = memory && {
      memory: neededMemory(rows),
      ...(memoryLengths && { keyLengths: memoryLengths }),
    };
    const drop = (y: Tensor): Tensor => (dropout > 0 && random ? random.dropout(y, dropout) : y);
    let y = add(x, drop(parts.attention(parts.attentionNorm(x), own)));
    if (seen && parts.cross && parts.crossNorm) y = add(y, drop(parts.cross(parts.crossNorm(y), seen)));
    return add(y, drop(parts.feedForward(parts.feedForwardNorm(y))));
  });
}

function neededMemory(memory: Tensor | undefined): Tensor {
  if (memory) return memory;
  throw new ConfigError('transformerBlock: expected a memory for cross, got none\nhint: block(x, { memory })');
}
