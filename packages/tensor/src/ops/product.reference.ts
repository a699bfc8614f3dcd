// The definition of a batched matrix product in f64, for the checks of the ops that are made of it.

export interface ProductForm {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly batch?: number;
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
}

export function product(a: Float64Array, b: Float64Array, form: ProductForm): Float64Array {
  const { m, n, k, batch = 1, transposeA = false, transposeB = false } = form;
  const [aRow, aCol] = transposeA ? [1, m] : [k, 1];
  const [bRow, bCol] = transposeB ? [1, k] : [n, 1];
  const c = new Float64Array(batch * m * n);
  for (let row = 0; row < batch * m; row++) {
    const z = Math.floor(row / m);
    const from = z * m * k + (row % m) * aRow;
    for (let i = 0; i < k; i++) {
      const value = a[from + i * aCol]!;
      const other = z * k * n + i * bRow;
      for (let column = 0; column < n; column++) c[row * n + column]! += value * b[other + column * bCol]!;
    }
  }
  return c;
}
