// The compiled arithmetic against definitions in plain numbers, bit for bit, wherever the arrays lie.
import { describe, expect, test } from 'vitest';
import { arena } from './arena.ts';
import { encodingOf } from './encoding.ts';

const smallestNormal = 2 ** -126;
const flush = (x: number): number => (Math.abs(x) < smallestNormal ? 0 : x);
const add = (x: number, y: number): number => flush(Math.fround(flush(x) + flush(y)));

const magnitudes = [
  [0, 2 ** -149, 2 ** -127, smallestNormal - 2 ** -149, smallestNormal, smallestNormal + 2 ** -149],
  [1.5 * smallestNormal, 2 ** -103, 2 ** -100, (1 - 2 ** -24) * 2 ** -100, 2 ** -24, 1 - 2 ** -24, 1, 1 + 2 ** -23],
  [3, 1.00390625, 1.01171875, 2 ** 103, (2 - 2 ** -23) * 2 ** 127, Infinity, NaN],
].flat();
const values = magnitudes.flatMap((x) => [x, -x]);
const pairs = values.flatMap((x) => values.map((y) => [x, y] as const));
const left = Float32Array.from(pairs, ([x]) => x);
const right = Float32Array.from(pairs, ([, y]) => y);

const bytesOf = (array: ArrayBufferView): Uint8Array =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
const wordsOf = (bytes: Uint8Array): Uint32Array => new Uint32Array(bytes.slice().buffer);
/** JavaScript may give NaN any bits; a sum has these. */
const canonical = (words: Uint32Array): Uint32Array =>
  words.map((word) => ((word & 0x7fffffff) > 0x7f800000 ? 0x7fc00000 : word));

/** The same bytes at home in the arena, elsewhere, and at an odd address. */
const places: [string, (bytes: Uint8Array) => Uint8Array][] = [
  ['in the arena', (bytes) => (arena().allocate(bytes.length).set(bytes), at(arena().allocate(bytes.length), bytes))],
  ['elsewhere', (bytes) => bytes.slice()],
  ['at odd addresses', (bytes) => at(new Uint8Array(bytes.length + 3).subarray(3), bytes)],
];
function at(place: Uint8Array, bytes: Uint8Array): Uint8Array {
  place.set(bytes);
  return place;
}

describe.each(places)('arrays %s', (_, place) => {
  test('are added with subnormals flushed before and after', () => {
    const out = place(bytesOf(new Float32Array(pairs.length)));
    encodingOf('f32', 'sum', 'f32').combine(out, place(bytesOf(left)), place(bytesOf(right)));
    const expected = bytesOf(Float32Array.from(pairs, ([x, y]) => add(x, y)));
    expect(wordsOf(out)).toEqual(canonical(wordsOf(expected)));
  });

  test('may be added in place, to either side', () => {
    const expected = bytesOf(Float32Array.from(pairs, ([x, y]) => add(x, y)));
    for (const [a, b, target] of [0, 1].map((i) => [place(bytesOf(left)), place(bytesOf(right)), i] as const)) {
      const out = target === 0 ? a : b;
      encodingOf('f32', 'sum', 'f32').combine(out, a, b);
      expect(wordsOf(out)).toEqual(canonical(wordsOf(expected)));
    }
  });

  test('longer than a piece are added whole', () => {
    const long = Float32Array.from({ length: 70_003 }, (__, i) => Math.sin(i));
    const out = place(bytesOf(new Float32Array(long.length)));
    encodingOf('f32', 'sum', 'f32').combine(out, place(bytesOf(long)), place(bytesOf(long)));
    expect(new Float32Array(out.slice().buffer)).toEqual(long.map((x) => x + x));
  });

  test('of integers wrap', () => {
    const [a, b] = [Int32Array.of(2 ** 31 - 1, -5, 7), Int32Array.of(1, 3, -7)];
    const out = place(new Uint8Array(12));
    encodingOf('i32', 'sum', 'f32').combine(out, place(bytesOf(a)), place(bytesOf(b)));
    expect([...new Int32Array(out.slice().buffer)]).toEqual([-(2 ** 31), -2, 0]);
    encodingOf('i32', 'max', 'f32').combine(out, place(bytesOf(a)), place(bytesOf(b)));
    expect([...new Int32Array(out.slice().buffer)]).toEqual([2 ** 31 - 1, 3, 7]);
  });

  test.each(['bf16', 'int8'] as const)('encoded as %s and back again are what the definition says', (wire) => {
    const data = Float32Array.from({ length: 1000 }, (__, i) => Math.fround(Math.sin(i) * 2 ** ((i >> 5) - 16)));
    data.set([0, -0, 2 ** -149, -(2 ** -130), smallestNormal, 127, 127.5, 128, 63.5], 40);
    const { encode, decode, elements, bytes } = encodingOf('f32', 'sum', wire);
    const encoded = place(new Uint8Array(Math.ceil(data.length / elements) * bytes));
    encode!(encoded, place(bytesOf(data)), data.length);
    const back = place(bytesOf(new Float32Array(data.length)));
    decode!(back, encoded, data.length);
    expect(wordsOf(back)).toEqual(wordsOf(bytesOf(rounded[wire](data))));
    const again = place(new Uint8Array(encoded.length));
    encode!(again, back, data.length);
    expect(again).toEqual(encoded);
  });
});

const rounded = { bf16: (data: Float32Array) => data.map(roundBf16), int8: roundInt8 };

/** To nearest even at 8 bits of significand. */
function roundBf16(x: number): number {
  const bits = new Uint32Array(Float32Array.of(flush(x)).buffer)[0]!;
  return new Float32Array(Uint32Array.of((bits + 0x7fff + ((bits >>> 16) & 1)) & 0xffff0000).buffer)[0]!;
}

function roundEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  return rest < 0.5 || (rest === 0.5 && floor % 2 === 0) ? floor : floor + 1;
}

function roundInt8(data: Float32Array): Float32Array {
  return data.map((x, i) => {
    const block = data.subarray(i - (i % 32), i - (i % 32) + 32);
    const most = Math.max(...Array.from(block, (y) => Math.abs(flush(y))));
    let exponent = -126;
    while (most > 127 * 2 ** exponent) exponent++;
    return roundEven(flush(x) / 2 ** exponent) * 2 ** exponent + 0;
  });
}

describe('rounded at every node', () => {
  const a = Float32Array.from({ length: 96 }, (_, i) => Math.fround(Math.sin(i) * (i < 32 ? 1e-37 : 3)));
  const b = Float32Array.from({ length: 96 }, (_, i) => Math.fround(Math.cos(3 * i) * (i < 64 ? 1e-37 : 1e5)));

  test.each(['bf16', 'int8'] as const)('sums over the wire %s are those of the rounded values, rounded', (wire) => {
    const { encode, decode, combine, elements, bytes } = encodingOf('f32', 'sum', wire);
    const encoded = [a, b].map((data) => {
      const out = new Uint8Array((data.length / elements) * bytes);
      encode!(out, bytesOf(data), data.length);
      return out;
    });
    combine(encoded[0]!, encoded[0]!, encoded[1]!);
    const back = new Float32Array(a.length);
    decode!(bytesOf(back), encoded[0]!, a.length);
    const [qa, qb] = [rounded[wire](a), rounded[wire](b)];
    expect(wordsOf(bytesOf(back))).toEqual(wordsOf(bytesOf(rounded[wire](qa.map((x, i) => add(x, qb[i]!))))));
  });

  test('a block with a number that is not finite is no number', () => {
    const { encode, decode } = encodingOf('f32', 'sum', 'int8');
    const out = new Uint8Array(66);
    encode!(out, bytesOf(Float32Array.from({ length: 64 }, (_, i) => (i === 3 ? Infinity : 1))), 64);
    const back = new Float32Array(64);
    decode!(bytesOf(back), out, 64);
    expect([...back]).toEqual(Array.from({ length: 64 }, (_, i) => (i < 32 ? NaN : 1)));
  });
});

describe('f16', () => {
  const decode = (half: number): number => {
    const [sign, exponent, fraction] = [half >> 15 ? -1 : 1, (half >> 10) & 31, half & 1023];
    if (exponent === 31) return fraction ? NaN : sign * Infinity;
    return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
  };
  const all = Uint16Array.from({ length: 65_536 }, (_, i) => i);

  test('plus zero is itself, for every one of them', () => {
    const out = new Uint16Array(all.length);
    encodingOf('f16', 'sum', 'f32').combine(bytesOf(out), bytesOf(all), bytesOf(new Uint16Array(all.length)));
    for (const [i, half] of out.entries())
      if (decode(all[i]!) !== decode(half)) expect([i, decode(half)]).toEqual([i, decode(all[i]!)]);
  });

  test('sums round to nearest even', () => {
    const halves = Uint16Array.from({ length: 65_536 }, (_, i) => Math.imul(i, 40_503) & 0x7bff);
    const out = new Uint16Array(all.length);
    encodingOf('f16', 'sum', 'f32').combine(bytesOf(out), bytesOf(all), bytesOf(halves));
    for (let i = 0; i < all.length; i += 7) {
      const exact = decode(all[i]!) + decode(halves[i]!);
      if (!Number.isFinite(exact) || Math.abs(exact) >= 65_520) continue;
      const ulp = Math.max(2 ** -24, 2 ** (Math.floor(Math.log2(Math.abs(exact) || 1)) - 10));
      expect(decode(out[i]!)).toBe(roundEven(exact / ulp) * ulp);
    }
  });
});

test('max and min know NaN and the sign of zero', () => {
  const [a, b] = [Float32Array.of(NaN, 0, -0, 1, -Infinity), Float32Array.of(1, -0, 0, 2, 3)];
  const out = new Float32Array(5);
  encodingOf('f32', 'max', 'f32').combine(bytesOf(out), bytesOf(a), bytesOf(b));
  expect([...out]).toEqual([NaN, 0, 0, 2, 3]);
  encodingOf('f32', 'min', 'f32').combine(bytesOf(out), bytesOf(a), bytesOf(b));
  expect([...out]).toEqual([NaN, -0, -0, 1, -Infinity]);
});

test('refuses what has no meaning', () => {
  expect(() => encodingOf('i32', 'mean', 'f32')).toThrow(RangeError);
  expect(() => encodingOf('f32', 'max', 'int8')).toThrow('expected a sum or mean over the wire int8, got max');
});
