// What collectives compute on the CPU, four numbers at a time: AssemblyScript, compiled to WebAssembly by generate.mjs.
// Every function walks `units` of memory from the given addresses and knows nothing of ranks or nodes. `out` may be
// `a` or `b`. Which function serves which array is decided in src/arithmetic/.
//
// Flushing is that of `add_flushed` in kernels/lib: flush(x) = |x| < 2⁻¹²⁶ ? +0 : x, before and after an addition; a sum that
// is NaN has the bits 0x7fc00000, whichever NaN came in.

// @ts-nocheck: v128 and its kin are AssemblyScript's own

const smallestNormal: f32 = 1.1754943508222875e-38;

// @ts-ignore: decorator
@inline
function flush(x: v128): v128 {
  return v128.andnot(x, f32x4.lt(f32x4.abs(x), f32x4.splat(smallestNormal))); // NaN is not below, and stays
}

// @ts-ignore: decorator
@inline
function normal(x: v128): v128 {
  return v128.bitselect(x, i32x4.splat(0x7fc00000), f32x4.eq(x, x));
}

// @ts-ignore: decorator
@inline
function addFlushed(x: v128, y: v128): v128 {
  return normal(flush(f32x4.add(flush(x), flush(y))));
}

// @ts-ignore: decorator
@inline
function flushOne(x: f32): f32 {
  return abs(x) < smallestNormal ? 0 : x;
}

// @ts-ignore: decorator
@inline
function normalOne(x: f32): f32 {
  return x == x ? x : reinterpret<f32>(0x7fc00000);
}

// @ts-ignore: decorator
@inline
function addOneFlushed(x: f32, y: f32): f32 {
  return normalOne(flushOne(flushOne(x) + flushOne(y)));
}

/** For shared memory: V8's own `set` copies it word by word, and byte by byte where the two are not aligned alike. */
export function copy(out: usize, a: usize, bytes: usize): void {
  memory.copy(out, a, bytes);
}

// --- f32 ------------------------------------------------------------------------------------------------------------

export function sumF32(out: usize, a: usize, b: usize, units: usize): void {
  const vectors = units >> 2;
  for (let i: usize = 0; i < vectors; i++, out += 16, a += 16, b += 16)
    v128.store(out, addFlushed(v128.load(a), v128.load(b)));
  for (let i: usize = 0; i < (units & 3); i++, out += 4, a += 4, b += 4)
    store<f32>(out, addOneFlushed(load<f32>(a), load<f32>(b)));
}

/** NaN wins, and +0 is above −0, so that no order of comparing shows. */
export function maxF32(out: usize, a: usize, b: usize, units: usize): void {
  const vectors = units >> 2;
  for (let i: usize = 0; i < vectors; i++, out += 16, a += 16, b += 16)
    v128.store(out, f32x4.max(v128.load(a), v128.load(b)));
  for (let i: usize = 0; i < (units & 3); i++, out += 4, a += 4, b += 4)
    store<f32>(out, max(load<f32>(a), load<f32>(b)));
}

export function minF32(out: usize, a: usize, b: usize, units: usize): void {
  const vectors = units >> 2;
  for (let i: usize = 0; i < vectors; i++, out += 16, a += 16, b += 16)
    v128.store(out, f32x4.min(v128.load(a), v128.load(b)));
  for (let i: usize = 0; i < (units & 3); i++, out += 4, a += 4, b += 4)
    store<f32>(out, min(load<f32>(a), load<f32>(b)));
}

/** out = flush(a / divisor). */
export function divideF32(out: usize, a: usize, divisor: f32, units: usize): void {
  for (let i: usize = 0; i < units; i++, out += 4, a += 4)
    store<f32>(out, normalOne(flushOne(load<f32>(a) / divisor)));
}

// --- i32 ------------------------------------------------------------------------------------------------------------

/** Modulo 2³². */
export function sumI32(out: usize, a: usize, b: usize, units: usize): void {
  for (let i: usize = 0; i < units; i++, out += 4, a += 4, b += 4) store<i32>(out, load<i32>(a) + load<i32>(b));
}

export function maxI32(out: usize, a: usize, b: usize, units: usize): void {
  for (let i: usize = 0; i < units; i++, out += 4, a += 4, b += 4)
    store<i32>(out, max(load<i32>(a), load<i32>(b)));
}

export function minI32(out: usize, a: usize, b: usize, units: usize): void {
  for (let i: usize = 0; i < units; i++, out += 4, a += 4, b += 4)
    store<i32>(out, min(load<i32>(a), load<i32>(b)));
}

// --- bf16: the upper half of an f32 ---------------------------------------------------------------------------------

/** Four bf16 as f32. */
// @ts-ignore: decorator
@inline
function loadBf16(from: usize): v128 {
  return i32x4.shl(v128.load_ext<u16>(from), 16);
}

/** f32 rounded to nearest even, in the upper half of each lane. NaN stays NaN. */
// @ts-ignore: decorator
@inline
function roundBf16(x: v128): v128 {
  const odd = v128.and(i32x4.shr_u(x, 16), i32x4.splat(1));
  const rounded = i32x4.add(x, i32x4.add(i32x4.splat(0x7fff), odd));
  return v128.bitselect(rounded, i32x4.splat(0x7fc00000), f32x4.eq(x, x));
}

// @ts-ignore: decorator
@inline
function storeBf16(to: usize, x: v128): void {
  const halves = i8x16.shuffle(x, x, 2, 3, 6, 7, 10, 11, 14, 15, 2, 3, 6, 7, 10, 11, 14, 15);
  store<u64>(to, i64x2.extract_lane(halves, 0));
}

// @ts-ignore: decorator
@inline
function oneFromBf16(x: u16): f32 {
  return reinterpret<f32>(<u32>x << 16);
}

// @ts-ignore: decorator
@inline
function oneToBf16(x: f32): u16 {
  const bits = reinterpret<u32>(x);
  return x == x ? <u16>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16) : 0x7fc0;
}

export function sumBf16(out: usize, a: usize, b: usize, units: usize): void {
  const vectors = units >> 2;
  for (let i: usize = 0; i < vectors; i++, out += 8, a += 8, b += 8)
    storeBf16(out, roundBf16(addFlushed(loadBf16(a), loadBf16(b))));
  for (let i: usize = 0; i < (units & 3); i++, out += 2, a += 2, b += 2)
    store<u16>(out, oneToBf16(addOneFlushed(oneFromBf16(load<u16>(a)), oneFromBf16(load<u16>(b)))));
}

export function maxBf16(out: usize, a: usize, b: usize, units: usize): void {
  for (let i: usize = 0; i < units; i++, out += 2, a += 2, b += 2)
    store<u16>(out, oneToBf16(max(oneFromBf16(load<u16>(a)), oneFromBf16(load<u16>(b)))));
}

export function minBf16(out: usize, a: usize, b: usize, units: usize): void {
  for (let i: usize = 0; i < units; i++, out += 2, a += 2, b += 2)
    store<u16>(out, oneToBf16(min(oneFromBf16(load<u16>(a)), oneFromBf16(load<u16>(b)))));
}

export function divideBf16(out: usize, a: usize, divisor: f32, units: usize): void {
  for (let i: usize = 0; i < units; i++, out += 2, a += 2)
    store<u16>(out, oneToBf16(flushOne(oneFromBf16(load<u16>(a)) / divisor)));
}

/** From f32, flushed. */
export function encodeBf16(out: usize, a: usize, units: usize): void {
  const vectors = units >> 2;
  for (let i: usize = 0; i < vectors; i++, out += 8, a += 16) storeBf16(out, roundBf16(flush(v128.load(a))));
  for (let i: usize = 0; i < (units & 3); i++, out += 2, a += 4) store<u16>(out, oneToBf16(flushOne(load<f32>(a))));
}

/** To f32. */
export function decodeBf16(out: usize, a: usize, units: usize): void {
  const vectors = units >> 2;
  for (let i: usize = 0; i < vectors; i++, out += 16, a += 8) v128.store(out, loadBf16(a));
  for (let i: usize = 0; i < (units & 3); i++, out += 4, a += 2) store<f32>(out, oneFromBf16(load<u16>(a)));
}

// --- f16: IEEE 754 binary16; its subnormals are kept, for as f32 they are ordinary numbers ----------------------------

// @ts-ignore: decorator
@inline
function oneFromF16(x: u16): f32 {
  const sign = (<u32>x & 0x8000) << 16;
  const rest = <u32>x & 0x7fff;
  // Shifted into place the exponent is 112 too small; a product with 2¹¹² mends it, subnormals included.
  const magnitude =
    rest >= 0x7c00
      ? reinterpret<f32>((rest << 13) | 0x7f800000)
      : reinterpret<f32>(rest << 13) * reinterpret<f32>(0x77800000);
  return reinterpret<f32>(reinterpret<u32>(magnitude) | sign);
}

/** To nearest even; from 65520 on infinite. */
// @ts-ignore: decorator
@inline
function oneToF16(x: f32): u16 {
  const bits = reinterpret<u32>(x);
  const sign = <u16>((bits >> 16) & 0x8000);
  const rest = bits & 0x7fffffff;
  if (rest > 0x7f800000) return 0x7e00;
  if (rest >= 0x477ff000) return sign | 0x7c00;
  // Below 2⁻¹⁴ the last place is always 2⁻²⁴: adding 0.5 leaves just that many bits in an f32.
  if (rest < 0x38800000) return sign | <u16>(reinterpret<u32>(reinterpret<f32>(rest) + 0.5) - 0x3f000000);
  return sign | <u16>((rest - 0x38000000 + 0xfff + ((rest >> 13) & 1)) >> 13);
}

export function sumF16(out: usize, a: usize, b: usize, units: usize): void {
  for (let i: usize = 0; i < units; i++, out += 2, a += 2, b += 2)
    store<u16>(out, oneToF16(oneFromF16(load<u16>(a)) + oneFromF16(load<u16>(b))));
}

export function maxF16(out: usize, a: usize, b: usize, units: usize): void {
  for (let i: usize = 0; i < units; i++, out += 2, a += 2, b += 2)
    store<u16>(out, oneToF16(max(oneFromF16(load<u16>(a)), oneFromF16(load<u16>(b)))));
}

export function minF16(out: usize, a: usize, b: usize, units: usize): void {
  for (let i: usize = 0; i < units; i++, out += 2, a += 2, b += 2)
    store<u16>(out, oneToF16(min(oneFromF16(load<u16>(a)), oneFromF16(load<u16>(b)))));
}

export function divideF16(out: usize, a: usize, divisor: f32, units: usize): void {
  for (let i: usize = 0; i < units; i++, out += 2, a += 2)
    store<u16>(out, oneToF16(oneFromF16(load<u16>(a)) / divisor));
}

// --- int8: blocks of 32 as OCP MXINT8, i.e. one byte for a power of two, then 32 numbers from −127 to 127 -------------
// (OCP Microscaling Formats 1.0, 5.2; here the power of two counts on whole numbers.) A unit is a block of 33 bytes.

const lanes: usize = 32;
const blockBytes: usize = 33;
/** The byte of a block that is no number; any other is the exponent plus 127. */
const notANumber: u8 = 255;

// @ts-ignore: decorator
@inline
function powerOfTwo(biased: i32): f32 {
  return reinterpret<f32>(<u32>biased << 23);
}

/** The least biased exponent e, at least 1, for which m ≤ 127·2^(e − 127). */
// @ts-ignore: decorator
@inline
function scaleOf(m: f32): i32 {
  const bits = reinterpret<u32>(m);
  const exponent = <i32>(bits >> 23) - ((bits & 0x7fffff) <= 0x7e0000 ? 6 : 5);
  return max(exponent, 1);
}

/** Writes 32 flushed numbers, held in eight vectors at `from`, as a block. */
// @ts-ignore: decorator
@inline
function writeBlock(out: usize, from: usize): void {
  let most = f32x4.splat(0);
  for (let i: usize = 0; i < 8; i++) most = f32x4.max(most, f32x4.abs(v128.load(from + 16 * i)));
  const m = max(
    max(f32x4.extract_lane(most, 0), f32x4.extract_lane(most, 1)),
    max(f32x4.extract_lane(most, 2), f32x4.extract_lane(most, 3)),
  );
  if (!(m < Infinity)) {
    store<u8>(out, notANumber);
    memory.fill(out + 1, 0, lanes);
    return;
  }
  const scale = scaleOf(m);
  store<u8>(out, <u8>scale);
  const inverse = f32x4.splat(powerOfTwo(254 - scale));
  for (let i: usize = 0; i < 8; i += 2) {
    const low = i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(v128.load(from + 16 * i), inverse)));
    const high = i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(v128.load(from + 16 * i + 16), inverse)));
    const words = i16x8.narrow_i32x4_s(low, high);
    store<u64>(out + 1 + 4 * i, i64x2.extract_lane(i8x16.narrow_i16x8_s(words, words), 0));
  }
}

/** Four numbers of a block. */
// @ts-ignore: decorator
@inline
function readBlock(block: usize, i: usize): v128 {
  const scale = load<u8>(block);
  const factor = scale == notANumber ? reinterpret<f32>(0x7fc00000) : powerOfTwo(scale);
  const words = i16x8.extend_low_i8x16_s(i32x4.splat(load<i32>(block + 1 + 4 * i)));
  return f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(words)), f32x4.splat(factor));
}

/** Where a block's numbers are while they are f32: each thread has its own place, and sets it. */
export let work: usize = 0;

export function sumInt8(out: usize, a: usize, b: usize, units: usize): void {
  for (let unit: usize = 0; unit < units; unit++, out += blockBytes, a += blockBytes, b += blockBytes) {
    for (let i: usize = 0; i < 8; i++) v128.store(work + 16 * i, addFlushed(readBlock(a, i), readBlock(b, i)));
    writeBlock(out, work);
  }
}

/** From f32, flushed; `length` numbers, and zeros up to the end of the last block. */
export function encodeInt8(out: usize, a: usize, length: usize): void {
  for (let done: usize = 0; done < length; done += lanes, out += blockBytes, a += 4 * lanes) {
    const here = min(lanes, length - done);
    memory.fill(work, 0, 4 * lanes);
    memory.copy(work, a, 4 * here);
    for (let i: usize = 0; i < 8; i++) v128.store(work + 16 * i, flush(v128.load(work + 16 * i)));
    writeBlock(out, work);
  }
}

/** To f32. */
export function decodeInt8(out: usize, a: usize, length: usize): void {
  for (let done: usize = 0; done < length; done += lanes, out += 4 * lanes, a += blockBytes) {
    for (let i: usize = 0; i < 8; i++) v128.store(work + 16 * i, readBlock(a, i));
    memory.copy(out, work, 4 * min(lanes, length - done));
  }
}
