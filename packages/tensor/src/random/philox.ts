// Counter-based random numbers: Philox4x32-10, and the uniforms and normals made from it on the host.
// A number depends on its counter and key alone, never on what was drawn before. Only + - * / and sqrt are used,
// which IEEE 754 fixes, so Node and every browser draw the same bits. Random numbers inside kernels are WGSL's business.
//
// J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC 2011.

/** Four 32-bit words. */
export type Counter = readonly [number, number, number, number];
/** Two 32-bit words. */
export type Key = readonly [number, number];

/** Where a draw comes from. `seed`: a whole number ≥ 0; `stream`: 32 bits that set independent draws apart. */
export interface Stream {
  readonly seed: number;
  readonly stream: number;
}

/** The last counter word says what the numbers are for, so that two uses of one stream never share a number. */
const purposes = { uniform: 0, normal: 1 } as const;

const multiplier0 = 0xd2511f53;
const multiplier1 = 0xcd9e8d57;
const weyl0 = 0x9e3779b9;
const weyl1 = 0xbb67ae85;

/** The upper 32 bits of the 64-bit product of two 32-bit words, by 16-bit halves. */
function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = Math.imul(aHigh, bLow) + (Math.imul(aLow, bLow) >>> 16);
  const carry = Math.imul(aLow, bHigh) + (middle & 0xffff);
  return (Math.imul(aHigh, bHigh) + (middle >>> 16) + (carry >>> 16)) | 0;
}

/** Turns the counter in `block` into its random words, in place: no allocation, for loops over many counters. */
function scramble(block: Uint32Array, key: Key): void {
  let c0 = block[0]! | 0;
  let c1 = block[1]! | 0;
  let c2 = block[2]! | 0;
  let c3 = block[3]! | 0;
  let k0 = key[0] | 0;
  let k1 = key[1] | 0;
  for (let round = 0; round < 10; round++) {
    const high0 = multiplyHigh(multiplier0, c0);
    const high1 = multiplyHigh(multiplier1, c2);
    const low0 = Math.imul(multiplier0, c0);
    c0 = high1 ^ c1 ^ k0;
    c1 = Math.imul(multiplier1, c2);
    c2 = high0 ^ c3 ^ k1;
    c3 = low0;
    k0 = (k0 + weyl0) | 0;
    k1 = (k1 + weyl1) | 0;
  }
  block[0] = c0;
  block[1] = c1;
  block[2] = c2;
  block[3] = c3;
}

/** Philox4x32-10: four random 32-bit words for a counter under a key. */
export function philox(counter: Counter, key: Key): [number, number, number, number] {
  const block = new Uint32Array(4);
  block.set(counter);
  scramble(block, key);
  return [block[0]!, block[1]!, block[2]!, block[3]!];
}

/** A whole number up to 2⁵³ as two 32-bit words, low word first: how seeds and positions enter counters and keys. */
export function toWords(value: number): [number, number] {
  return [value >>> 0, Math.floor(value / 0x100000000) >>> 0];
}

/** The stream that belongs to a name (32-bit FNV-1a over its UTF-8 bytes), so that a parameter's numbers follow its name. */
export function streamOf(name: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

/** Fills `out` with uniform numbers in [`low`, `high`) of 24 random bits each; element i depends on seed, stream and i alone. */
export function fillUniform(
  out: Float32Array,
  { seed, stream, low = 0, high = 1 }: Stream & { low?: number; high?: number },
): void {
  const width = high - low;
  fill(out, { seed, stream }, purposes.uniform, (word) => low + width * ((word >>> 8) / 0x1000000));
}

/**
 * Fills `out` with normal numbers; element i depends on seed, stream and i alone.
 * Each comes from one 32-bit word through the inverse of the normal distribution, so |z| stays below 6.4.
 */
export function fillNormal(
  out: Float32Array,
  { seed, stream, std = 1, mean = 0 }: Stream & { std?: number; mean?: number },
): void {
  fill(out, { seed, stream }, purposes.normal, (word) => mean + std * normalQuantile((word + 0.5) / 0x100000000));
}

function fill(out: Float32Array, { seed, stream }: Stream, purpose: number, draw: (word: number) => number): void {
  const key = toWords(seed);
  const block = new Uint32Array(4);
  for (let i = 0; i < out.length; i += 4) {
    block[0] = i / 4;
    block[1] = 0;
    block[2] = stream;
    block[3] = purpose;
    scramble(block, key);
    for (let j = i; j < i + 4 && j < out.length; j++) out[j] = draw(block[j - i]!);
  }
}

/** Coefficients of the numerator and the denominator, highest power first. */
type Rational = readonly [numerator: readonly number[], denominator: readonly number[]];

const central: Rational = [
  [
    2509.0809287301227, 33430.57558358813, 67265.7709270087, 45921.95393154987, 13731.69376550946, 1971.5909503065513,
    133.14166789178438, 3.3871328727963665,
  ],
  [
    5226.495278852854, 28729.085735721943, 39307.89580009271, 21213.794301586597, 5394.196021424751, 687.1870074920579,
    42.31333070160091, 1,
  ],
];
const tail: Rational = [
  [
    0.0007745450142783414, 0.022723844989269184, 0.2417807251774506, 1.2704582524523684, 3.6478483247632045,
    5.769497221460691, 4.630337846156546, 1.4234371107496835,
  ],
  [
    1.0507500716444169e-9, 0.0005475938084995345, 0.015198666563616457, 0.14810397642748008, 0.6897673349851,
    1.6763848301838038, 2.053191626637759, 1,
  ],
];

/**
 * The z below which a share `p` of the standard normal distribution lies, for p in [2⁻³³, 1 − 2⁻³³], to about 1e-15.
 * M. J. Wichura: "Algorithm AS 241: the percentage points of the normal distribution", Applied Statistics 37 (1988), PPND16;
 * its third range (p < 1.4e-11) lies beyond 32 random bits and is left out.
 */
export function normalQuantile(p: number): number {
  const q = p - 0.5;
  if (Math.abs(q) <= 0.425) return q * ratio(central, 0.180625 - q * q);
  const z = ratio(tail, Math.sqrt(-naturalLog(q < 0 ? p : 1 - p)) - 1.6);
  return q < 0 ? -z : z;
}

function ratio([numerator, denominator]: Rational, x: number): number {
  return polynomial(numerator, x) / polynomial(denominator, x);
}

function polynomial(coefficients: readonly number[], x: number): number {
  let sum = 0;
  for (let i = 0; i < coefficients.length; i++) sum = sum * x + coefficients[i]!;
  return sum;
}

/** ln x for x in (0, 1]: the exponent by exact doublings, the mantissa by 2·artanh((m − 1)/(m + 1)) as a series. Engines differ in Math.log. */
function naturalLog(x: number): number {
  let mantissa = x;
  let exponent = 0;
  for (; mantissa < Math.SQRT1_2; exponent++) mantissa *= 2;
  const s = (mantissa - 1) / (mantissa + 1);
  let series = 0;
  for (let n = 23; n >= 1; n -= 2) series = series * s * s + 1 / n;
  return 2 * s * series - exponent * Math.LN2;
}
