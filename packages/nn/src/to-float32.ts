// Numbers as they lie in files, as f32. Exact for the half formats: every F16 and BF16 number is an f32 number. An F64 is rounded to the
// nearest, and becomes an infinity where it is beyond all f32 numbers.
// Like all of Lockstep's formats this one is little-endian, as is every machine that runs WebGPU.

/** The number formats that weights are read from. */
export type FloatDtype = 'F64' | 'F32' | 'F16' | 'BF16';

/** Whether a dtype name of a file is one that can be read. */
export function isFloatDtype(dtype: string): dtype is FloatDtype {
  return dtype === 'F64' || dtype === 'F32' || dtype === 'F16' || dtype === 'BF16';
}

/** Turns `bytes` (a whole number of elements of `dtype`) into f32 in new memory. */
export function toFloat32(bytes: Uint8Array, dtype: FloatDtype): Float32Array<ArrayBuffer> {
  const copy = new Uint8Array(bytes); // not slice(), which copies nothing where the bytes are a Buffer of Node's
  if (dtype === 'F32') return new Float32Array(copy.buffer);
  if (dtype === 'F64') return new Float32Array(new Float64Array(copy.buffer));
  const halves = new Uint16Array(copy.buffer);
  const bits = new Uint32Array(halves.length);
  const widen = dtype === 'F16' ? bitsOfHalf : bitsOfBrain;
  for (let i = 0; i < halves.length; i++) bits[i] = widen(halves[i]!);
  return new Float32Array(bits.buffer);
}

/** BF16 is the upper half of an f32. */
function bitsOfBrain(half: number): number {
  return half << 16;
}

/** F16: 1 sign bit, 5 exponent bits with bias 15, 10 of mantissa; f32 has 8 with bias 127, and 23. */
function bitsOfHalf(half: number): number {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >>> 10) & 0x1f;
  const mantissa = half & 0x3ff;
  if (exponent === 0) return sign | bitsOfSubnormal(mantissa);
  if (exponent === 31) return sign | 0x7f800000 | (mantissa << 13);
  return sign | ((exponent + 112) << 23) | (mantissa << 13);
}

/** mantissa · 2⁻²⁴: the highest set bit becomes the implied one of f32. */
function bitsOfSubnormal(mantissa: number): number {
  if (mantissa === 0) return 0;
  const shift = Math.clz32(mantissa) - 21;
  return ((113 - shift) << 23) | (((mantissa << shift) & 0x3ff) << 13);
}
