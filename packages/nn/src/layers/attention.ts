// Attention with its projections: of rows to each other, or to those of something else.
import {
  attention as attentionOp,
  type AttentionOptions as Sight,
  joinHeads,
  rotary as rotaryOp,
  rotaryTable,
  split,
  type Tensor,
} from '@lockstep/tensor';
import { ConfigError } from '@lockstep/errors';
import { type Layer, layer } from './layer.ts';
import { linear, type Linear } from './linear.ts';
import { type Norm, rmsNorm } from './norms.ts';
import { buffer, type Initial, type ParameterSlot } from './parameter.ts';

/** What attention of both kinds may be. */
interface HeadOptions extends Pick<Sight, 'cap' | 'scale'> {
  readonly heads: number;
  /** Heads of keys and values, each shared by heads / kvHeads of queries; as many as `heads` unless given. */
  readonly kvHeads?: number;
  /** Elements of a head; width / heads unless given. */
  readonly headSize?: number;
  /** Bring each head of queries and keys to a mean square of 1, then scale it by learned gains (Henry et al. 2020); false unless given. */
  readonly qkNorm?: boolean;
  /** Whether the projections add something; true unless given. */
  readonly bias?: boolean;
  /** How the last projection begins. */
  readonly initialOut?: Initial;
  readonly group?: string;
}

export interface AttentionLayerOptions extends HeadOptions, Pick<Sight, 'causal' | 'window'> {
  /** Turn queries and keys by their positions, of which there are at most `context`; `base` is 10,000 unless given (Su et al. 2021). */
  readonly rotary?: { readonly context: number; readonly base?: number };
}

/** What an attention layer takes beside its rows. */
export interface AttentionInputs extends Pick<Sight, 'mask' | 'lengths'> {
  /** Place of each row in its sequence: (B, T) of u32. Needed with `rotary`. */
  readonly positions?: Tensor | undefined;
}

/** The gains of `qkNorm`. */
interface HeadNorms {
  readonly qNorm: Norm<{ readonly weight: ParameterSlot }> | undefined;
  readonly kNorm: Norm<{ readonly weight: ParameterSlot }> | undefined;
}

export type Attention = Layer<
  (x: Tensor, inputs?: AttentionInputs) => Tensor,
  { readonly qkv: Linear; readonly out: Linear } & HeadNorms
>;

/**
 * `x` (B, T, width) to (B, T, width): each row looks at the others, all of them or, with `causal`, those before it. Where tokens come one by
 * one, causal attention keeps keys and values of those before by itself.
 * @throws {ConfigError} for heads that do not go together
 */
export function attention(width: number, options: AttentionLayerOptions): Attention {
  const { causal, window, rotary, ...both } = options;
  const { heads, kvHeads, headSize, sight, slot, out, norms } = parts(width, both);
  const qkv = linear(width, (heads + 2 * kvHeads) * headSize, slot);
  const angles = rotary && buffer((device) => rotaryTable(device, { headSize, ...rotary }));
  const seen = { ...sight, ...(causal !== undefined && { causal }), ...(window !== undefined && { window }) };

  return layer({ qkv, ...norms, out, angles }, (x: Tensor, { positions, ...more }: AttentionInputs = {}): Tensor => {
    const packed = qkv(x); // (B, T, (H + 2·KV)·D)
    if (!norms.qNorm || !norms.kNorm) {
      const turned = angles ? rotaryOp(packed, needed(positions), angles.value, { heads, kvHeads }) : packed;
      return out(attentionOp(turned, { heads, kvHeads, ...seen, ...more }));
    }
    const lengths = [heads, kvHeads, kvHeads].map((count) => count * headSize);
    const [q, k, v] = split(packed, lengths, { heads: [heads, kvHeads, kvHeads] }) as [Tensor, Tensor, Tensor];
    const place = (t: Tensor): Tensor => (rotary ? rotaryOp(t, needed(positions), rotary) : t);
    return out(joinHeads(attentionOp(place(norms.qNorm(q)), place(norms.kNorm(k)), v, { ...seen, ...more })));
  });
}

export interface CrossAttentionOptions extends HeadOptions {
  /** Width of the rows that are looked at; `width` unless given. */
  readonly memoryWidth?: number;
}

/** What a layer of cross-attention takes beside its rows. */
export interface CrossAttentionInputs extends Pick<Sight, 'mask' | 'keyLengths'> {
  /** The rows that are looked at: (B, S, memoryWidth). */
  readonly memory: Tensor;
}

export type CrossAttention = Layer<
  (x: Tensor, inputs: CrossAttentionInputs) => Tensor,
  { readonly q: Linear; readonly kv: Linear; readonly out: Linear } & HeadNorms
>;

/**
 * `x` (B, T, width) to (B, T, width): each row looks at all rows of `memory` (B, S, memoryWidth), such as an encoder's (Vaswani et al. 2017).
 * @throws {ConfigError} for heads that do not go together
 */
export function crossAttention(width: number, options: CrossAttentionOptions): CrossAttention {
  const { memoryWidth = width, ...both } = options;
  const { heads, kvHeads, headSize, sight, slot, out, norms } = parts(width, both);
  const q = linear(width, heads * headSize, slot);
  const kv = linear(memoryWidth, 2 * kvHeads * headSize, slot);

  return layer({ q, kv, ...norms, out }, (x: Tensor, { memory, ...seen }: CrossAttentionInputs): Tensor => {
    const [queries] = split(q(x), 1, { heads }) as [Tensor];
    const [keys, values] = split(kv(memory), 2, { heads: kvHeads }) as [Tensor, Tensor];
    const { qNorm, kNorm } = norms;
    const y = attentionOp(qNorm ? qNorm(queries) : queries, kNorm ? kNorm(keys) : keys, values, { ...sight, ...seen });
    return out(joinHeads(y));
  });
}

/** What both kinds of attention are made of. @throws {ConfigError} */
function parts(width: number, options: HeadOptions) {
  const {
    heads,
    kvHeads = heads,
    headSize = width / heads,
    qkNorm = false,
    bias = true,
    initialOut,
    group,
    ...sight
  } = options;
  requireHeads(width, { heads, kvHeads, headSize });
  const inGroup = group === undefined ? {} : { group };
  const slot = { bias, ...inGroup };
  const out = linear(heads * headSize, width, { ...slot, ...(initialOut !== undefined && { initial: initialOut }) });
  const norms: HeadNorms = {
    qNorm: qkNorm ? rmsNorm(headSize, inGroup) : undefined,
    kNorm: qkNorm ? rmsNorm(headSize, inGroup) : undefined,
  };
  return { heads, kvHeads, headSize, sight, slot, out, norms };
}

function needed(positions: Tensor | undefined): Tensor {
  if (positions) return positions;
  throw new ConfigError('attention: expected positions for rotary, got none\nhint: attention(x, { positions })');
}

function requireHeads(
  width: number,
  { heads, kvHeads, headSize }: { heads: number; kvHeads: number; headSize: number },
): void {
  if (!Number.isInteger(headSize))
    throw new ConfigError(`attention: expected a width that ${heads} heads divide, got ${width}`);
  if (!Number.isInteger(heads / kvHeads))
    throw new ConfigError(`attention: expected kvHeads that divide the ${heads} heads, got ${kvHeads}`);
}
