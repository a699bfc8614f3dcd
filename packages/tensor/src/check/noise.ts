// Numbers to try ops on.

/** Well spread numbers in (−2, 2), the same on every run. */
export function noise(size: number, seed: number): Float64Array {
  return Float64Array.from(
    { length: size },
    (_, i) => 4 * ((((i + 1) * 0.6180339887498949 + seed * 0.7548776662466927 + ((i * i) % 97) / 97) % 1) - 0.5),
  );
}
