/**
 * What every peer is given: the sizes, the optimizer's numbers, and the same weights and batch from a seed.
 * Knows nothing of any library; the peers turn these plain arrays into their own tensors.
 */

/** The shape of a GPT-2 and of its batch. */
export interface StepConfig {
  layers: number;
  heads: number;
  width: number;
  context: number;
  vocab: number;
  batch: number;
}

/** A parameter as the peers receive it: row-major float32. */
export interface Weight {
  shape: number[];
  data: Float32Array;
}

/** Parameters under Hugging Face's names; linear layers are stored [in, out], as Hugging Face's Conv1D does. */
export type Weights = Record<string, Weight>;

export interface Problem {
  config: StepConfig;
  weights: Weights;
  tokens: Int32Array; // (B, T)
  targets: Int32Array; // (B, T), the tokens one place further on
}

export type SizeName = keyof typeof sizes;

export const sizes = {
  S: { vocab: 96, context: 64, batch: 8, layers: 4, heads: 4, width: 128 },
  M: { vocab: 256, context: 128, batch: 4, layers: 6, heads: 6, width: 192 },
} satisfies Record<string, StepConfig>;

/** The settings of its model, without those of its batch. */
export function modelOf({ layers, heads, width, context, vocab }: StepConfig): Omit<StepConfig, 'batch'> {
  return { layers, heads, width, context, vocab };
}

/** AdamW with clipping to a global norm; the decay acts on matrices (two axes) only. */
export const adamw = {
  lr: 1e-3,
  beta1: 0.9,
  beta2: 0.95,
  eps: 1e-8,
  weightDecay: 0.1,
  clipNorm: 1,
} as const;

/**
 * Adam's two corrections for moments that start at zero, folded into the rate and the epsilon:
 * lr·(m/c₁)/(√(v/c₂) + eps) = rate·m/(√v + eps') with c = 1 − β^step, rate = lr·√c₂/c₁ and eps' = eps·√c₂.
 */
export function corrections(step: number): [rate: number, eps: number] {
  const { lr, beta1, beta2, eps } = adamw;
  const root = Math.sqrt(1 - beta2 ** step);
  return [(lr * root) / (1 - beta1 ** step), eps * root];
}

export const layerNormEps = 1e-5;

/** The same weights and batch in every process that asks for the same config and seed. */
export function makeProblem(config: StepConfig, seed = 1): Problem {
  const random = uniform(seed);
  const weights: Weights = {};
  for (const { name, shape, init } of parameters(config)) {
    const data = new Float32Array(shape.reduce((a, b) => a * b));
    weights[name] = {
      shape,
      data: typeof init === 'number' ? data.fill(init) : data.map(() => normal(random) * init.std),
    };
  }
  return { config, weights, ...batch(config, random) };
}

interface Parameter {
  name: string;
  shape: number[];
  /** A constant, or a normal distribution. */
  init: number | { std: number };
}

/** GPT-2's parameters and initialisation: std 0.02, projections into the residual stream divided by √(2·layers). */
function parameters({ layers, width: C, context, vocab }: StepConfig): Parameter[] {
  const std = 0.02;
  const norm = (name: string): Parameter[] => [
    { name: `transformer.${name}.weight`, shape: [C], init: 1 },
    { name: `transformer.${name}.bias`, shape: [C], init: 0 },
  ];
  const linear = (name: string, from: number, to: number, scale = 1): Parameter[] => [
    { name: `transformer.${name}.weight`, shape: [from, to], init: { std: std * scale } },
    { name: `transformer.${name}.bias`, shape: [to], init: 0 },
  ];
  const block = (h: string, residual = 1 / Math.sqrt(2 * layers)): Parameter[] => [
    ...norm(`${h}.ln_1`),
    ...linear(`${h}.attn.c_attn`, C, 3 * C),
    ...linear(`${h}.attn.c_proj`, C, C, residual),
    ...norm(`${h}.ln_2`),
    ...linear(`${h}.mlp.c_fc`, C, 4 * C),
    ...linear(`${h}.mlp.c_proj`, 4 * C, C, residual),
  ];
  return [
    { name: 'transformer.wte.weight', shape: [vocab, C], init: { std } },
    { name: 'transformer.wpe.weight', shape: [context, C], init: { std } },
    ...Array.from({ length: layers }, (_, i) => block(`h.${i}`)).flat(),
    ...norm('ln_f'),
  ];
}

function batch({ batch: B, context: T, vocab }: StepConfig, random: () => number): Pick<Problem, 'tokens' | 'targets'> {
  const tokens = new Int32Array(B * T);
  const targets = new Int32Array(B * T);
  for (let b = 0; b < B; b++) {
    const sequence = Int32Array.from({ length: T + 1 }, () => Math.floor(random() * vocab));
    tokens.set(sequence.subarray(0, T), b * T);
    targets.set(sequence.subarray(1), b * T);
  }
  return { tokens, targets };
}

/** Uniform in [0, 1): a Weyl sequence through the 32-bit mixer of MurmurHash3. Plenty for weights; not for statistics. */
function uniform(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let x = state;
    x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
    x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
    return ((x ^ (x >>> 16)) >>> 0) / 2 ** 32;
  };
}

/** Box and Muller's transform; the second value of each pair is not used. */
function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
