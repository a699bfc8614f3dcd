// Addition as the reduction tree needs it: f32, subnormals flushed before and after, the same bits as
// `add_flushed` in kernels/lib. What is added to what is decided elsewhere.

const smallestNormal = 2 ** -126;

/** From here up an operand that is subnormal is below half a unit in the last place of the sum, so it cannot show. */
const plainFrom = 2 ** -100;

const flush = (x: number): number => (Math.abs(x) < smallestNormal ? 0 : x);

const addFlushed = (x: number, y: number): number => flush(flush(x) + flush(y));

/**
 * out[i] = flush(flush(a[i]) + flush(b[i])), where flush(x) = |x| < 2⁻¹²⁶ ? +0 : x. `out` may be `a` or `b`.
 *
 * The sum of two f32 is taken in f64 and rounded once by the store, which gives f32 addition exactly. Only tiny sums
 * leave the straight path; a test of each operand's sign or exponent would be mispredicted on every other element.
 */
export function add(out: Float32Array, a: Float32Array, b: Float32Array): void {
  const length = out.length;
  for (let i = 0; i < length; i++) {
    const x = a[i]!;
    const y = b[i]!;
    const sum = x + y;
    out[i] = Math.abs(sum) >= plainFrom ? sum : addFlushed(x, y);
  }
}

/** target += other, flushed: see `add`. */
export function addInto(target: Float32Array, other: Float32Array): void {
  add(target, target, other);
}
