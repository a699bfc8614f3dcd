// The layers between attentions: wider, an activation, and back.
import { gelu, mul, relu, silu, siluMul, square, type Tensor } from '@lockstep/tensor';
import { type Layer, layer } from './layer.ts';
import { linear, type Linear } from './linear.ts';
import type { Initial } from './parameter.ts';

/**
 * `gelu` (its tanh form), `relu`, `squaredRelu` (So et al. 2021), `silu`; or, with a gate of its own, `swiglu` and `geglu`
 * (Shazeer 2020).
 */
export type FeedForwardKind = 'gelu' | 'relu' | 'squaredRelu' | 'silu' | 'swiglu' | 'geglu';

export interface FeedForwardOptions {
  /** `gelu` unless given. */
  readonly kind?: FeedForwardKind;
  /** Width inside; 4 times the width unless given, and 8/3 of it, rounded up to a multiple of 32, with a gate. */
  readonly hidden?: number;
  /** Whether the linear maps add something; true unless given. */
  readonly bias?: boolean;
  /** How the last map begins. */
  readonly initialOut?: Initial;
  readonly group?: string;
}

export type FeedForward = Layer<
  (x: Tensor) => Tensor,
  { readonly up: Linear; readonly gate: Linear | undefined; readonly down: Linear }
>;

const activations: Readonly<Record<'gelu' | 'relu' | 'squaredRelu' | 'silu', (x: Tensor) => Tensor>> = {
  gelu,
  relu,
  squaredRelu: (x) => square(relu(x)),
  silu,
};

const gates: Readonly<Record<'swiglu' | 'geglu', (gate: Tensor, up: Tensor) => Tensor>> = {
  swiglu: siluMul,
  geglu: (gate, up) => mul(gelu(gate), up),
};

const isGated = (kind: FeedForwardKind): kind is keyof typeof gates => kind in gates;

/** `x` (…, width) to (…, width), by way of `hidden`. */
export function feedForward(width: number, options: FeedForwardOptions = {}): FeedForward {
  const { kind = 'gelu', bias = true, initialOut, group } = options;
  const { hidden = isGated(kind) ? 32 * Math.ceil((8 * width) / 3 / 32) : 4 * width } = options;
  const slot = { bias, ...(group !== undefined && { group }) };
  const up = linear(width, hidden, slot);
  const gate = isGated(kind) ? linear(width, hidden, slot) : undefined;
  const down = linear(hidden, width, { ...slot, ...(initialOut !== undefined && { initial: initialOut }) });
  const inner = isGated(kind)
    ? (x: Tensor): Tensor => gates[kind](gate!(x), up(x))
    : (x: Tensor): Tensor => activations[kind](up(x));
  return layer({ up, gate, down }, (x: Tensor) => down(inner(x)));
}
