/** Matrices whose products stay of one size however often they are multiplied, and the judge of what libraries make of them. */

/** a and b: random, with b's elements of a variance by which a product has about the size of its first factor. */
export function productProblem(n: number): [a: Float32Array, b: Float32Array] {
  const random = uniform(n);
  const matrix = (size: number): Float32Array => Float32Array.from({ length: n * n }, () => size * (2 * random() - 1));
  return [matrix(1), matrix(Math.sqrt(3 / n))];
}

/** Throws unless a row is the first of a·b·b…, by f64, to so much of its largest element. */
export function checkProducts(
  who: string,
  { n, count, row }: { n: number; count: number; row: ArrayLike<number> },
  tolerance = 1e-3,
): void {
  const expected = firstRow(n, count);
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const at = expected.findIndex((value, i) => !(Math.abs(value - row[i]!) <= tolerance * largest));
  if (at < 0) return;
  throw new Error(
    `bench: ${who} is wrong after ${count} products of ${n} × ${n}: element ${at} is ${row[at]} and not ${expected[at]}; no time is printed`,
  );
}

function firstRow(n: number, count: number): Float64Array {
  const [a, b] = productProblem(n);
  let row = Float64Array.from(a.subarray(0, n));
  for (let product = 0; product < count; product++) {
    const next = new Float64Array(n);
    for (let k = 0; k < n; k++) for (let j = 0; j < n; j++) next[j]! += row[k]! * b[k * n + j]!;
    row = next;
  }
  return row;
}

/** Marsaglia's xorshift, of 32 bits. */
function uniform(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
