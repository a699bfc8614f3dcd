// The definition of a batched matrix product in f64, for the checks of the ops that are made of it.

export function product(
  a: Float64Array,
  b: Float64Array,
  {
    m,
    n,
    k,
    batch = 1,
    transposeA = false,
    transposeB = false,
  }: { m: number; n: number; k: number; batch?: number; transposeA?: boolean; transposeB?: boolean },
): Float64Array {
  const at = (z: number, i: number, j: number): number => a[z * m * k + (transposeA ? j * m + i : i * k + j)]!;
  const bt = (z: number, i: number, j: number): number => b[z * k * n + (transposeB ? j * k + i : i * n + j)]!;
  return Float64Array.from({ length: batch * m * n }, (_, index) => {
    const [z, i, j] = [Math.floor(index / (m * n)), Math.floor(index / n) % m, index % n];
    let sum = 0;
    for (let inner = 0; inner < k; inner++) sum += at(z, i, inner) * bt(z, inner, j);
    return sum;
  });
}
