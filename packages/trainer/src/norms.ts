// How large weights and gradients are, by parameter and by layer: for those who look on.
import type { TensorMap } from '@lockstep/nn';

/** Euclidean norms of a weight and of its gradient. A weight that is not learned has none. */
export interface Norm {
  readonly weight: number;
  readonly gradient?: number;
}

export interface Norms {
  /** By the names of parameters. */
  readonly parameters: Readonly<Record<string, Norm>>;
  /** Over all parameters of a layer, by what their names have in common: `h.0.attn` of `h.0.attn.weight`. */
  readonly layers: Readonly<Record<string, Norm>>;
}

/** Summed in f64 in the order of elements: the same numbers wherever the tensors are the same. */
export function normsOf(weights: TensorMap, gradients: TensorMap): Norms {
  const squares = new Map<string, Norm>();
  const layers = new Map<string, Norm>();
  for (const [name, { data }] of weights) {
    const gradient = gradients.get(name);
    const own: Norm = { weight: sumOfSquares(data), ...(gradient && { gradient: sumOfSquares(gradient.data) }) };
    squares.set(name, own);
    const layer = name.slice(0, Math.max(0, name.lastIndexOf('.')));
    layers.set(layer, sum(layers.get(layer), own));
  }
  return { parameters: roots(squares), layers: roots(layers) };
}

function sumOfSquares(values: Float32Array): number {
  let total = 0;
  for (const value of values) total += value * value;
  return total;
}

function sum(before: Norm | undefined, { weight, gradient }: Norm): Norm {
  const gradients = [before?.gradient, gradient].filter((each) => each !== undefined);
  const total = { weight: (before?.weight ?? 0) + weight };
  return gradients.length === 0 ? total : { ...total, gradient: gradients.reduce((a, b) => a + b, 0) };
}

function roots(squares: ReadonlyMap<string, Norm>): Record<string, Norm> {
  return Object.fromEntries(
    Array.from(squares, ([name, { weight, gradient }]) => [
      name,
      { weight: Math.sqrt(weight), ...(gradient !== undefined && { gradient: Math.sqrt(gradient) }) },
    ]),
  );
}
