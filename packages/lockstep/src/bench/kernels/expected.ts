// Definitions in f64 that several ops of the kernel bench need.

/** An element by its definition in f64, and the size of what it is made of: errors are compared with that. */
export interface Expected {
  readonly value: number;
  readonly scale: number;
}

export const exact = (value: number): Expected => ({ value, scale: Math.max(1e-3, Math.abs(value)) });

/** A sum of products, and of their magnitudes. */
export function dot(length: number, at: (k: number) => number): Expected {
  let [value, scale] = [0, 0];
  for (let k = 0; k < length; k++) {
    const term = at(k);
    value += term;
    scale += Math.abs(term);
  }
  return { value, scale };
}

export const total = (values: Float64Array, of: (value: number, i: number) => number): number => {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += of(values[i]!, i);
  return sum;
};

/** The root of the mean square of what differs from the mean, as norms have it. */
export const deviationOf = (row: Float64Array, mean: number): number =>
  Math.sqrt(total(row, (value) => (value - mean) ** 2) / row.length + 1e-5);

const inner = (x: number): number => Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3);

/** GELU in its form by tanh. */
export const gelu = (x: number): number => 0.5 * x * (1 + Math.tanh(inner(x)));

export function geluSlope(x: number): number {
  const tanh = Math.tanh(inner(x));
  return 0.5 * (1 + tanh) + 0.5 * x * (1 - tanh ** 2) * Math.sqrt(2 / Math.PI) * (1 + 3 * 0.044715 * x ** 2);
}

/** The part of a row-major array that is row `i`. */
export const rowOf = (array: Float64Array, i: number, columns: number): Float64Array =>
  array.subarray(i * columns, (i + 1) * columns);
