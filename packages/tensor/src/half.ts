// Half floats on the host, which Node 20 has no arrays for.

/** The numbers that IEEE 754 half floats stand for. */
export function halfToFloat(halves: Uint16Array): Float32Array<ArrayBuffer> {
  return Float32Array.from(halves, (bits) => {
    const sign = bits & 0x8000 ? -1 : 1;
    const [exponent, fraction] = [(bits >> 10) & 0x1f, bits & 0x3ff];
    if (exponent === 0) return sign * fraction * 2 ** -24;
    if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
    return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  });
}
