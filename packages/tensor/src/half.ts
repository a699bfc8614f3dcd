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

/** The nearest half floats, ties to even. */
export function floatToHalf(numbers: Float32Array): Uint16Array<ArrayBuffer> {
  return Uint16Array.from(numbers, (x) => {
    const sign = x < 0 || Object.is(x, -0) ? 0x8000 : 0;
    const size = Math.abs(x);
    if (Number.isNaN(x)) return 0x7e00;
    if (size >= 65_520) return sign | 0x7c00;
    const exponent = Math.max(-14, Math.floor(Math.log2(size)));
    const step = 2 ** (exponent - 10);
    const units = roundHalfEven(size / step);
    // What rounds up to the next power of two carries into the exponent by itself.
    return size < 2 ** -14 ? sign | units : sign | (((exponent + 14) << 10) + units);
  });
}

function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  if (rest !== 0.5) return Math.round(x);
  return floor % 2 === 0 ? floor : floor + 1;
}
