import { createHash } from 'node:crypto';
import { afterEach, describe, expect, test, vi } from 'vitest';
import {
  fillNormal,
  fillUniform,
  normalQuantile,
  philox,
  streamOf,
  toWords,
  type Counter,
  type Key,
} from './philox.ts';

const ones = 0xffffffff;

// The known answers that the authors publish with their implementation (Random123, philox4x32 of 10 rounds).
const knownAnswers: [Counter, Key, Counter][] = [
  [
    [0, 0, 0, 0],
    [0, 0],
    [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
  ],
  [
    [ones, ones, ones, ones],
    [ones, ones],
    [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
  ],
  [
    [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
    [0xa4093822, 0x299f31d0],
    [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
  ],
];

test.each(knownAnswers)('philox of %j under %j is the published answer', (counter, key, answer) => {
  expect(philox(counter, key)).toEqual(answer);
});

test('toWords splits whole numbers up to 2^53, low word first', () => {
  expect(toWords(7)).toEqual([7, 0]);
  expect(toWords(2 ** 53 - 1)).toEqual([ones, 2 ** 21 - 1]);
});

test('streamOf is 32-bit FNV-1a', () => {
  expect(['', 'a', 'foobar'].map(streamOf)).toEqual([0x811c9dc5, 0xe40c292c, 0xbf9cf968]);
});

describe('normalQuantile', () => {
  // Percentage points to 15 digits, from Python's statistics.NormalDist.
  test.each([
    [0.5, 0],
    [0.975, 1.9599639845400536],
    [0.9, 1.2815515655446008],
    [0.05, -1.6448536269514726],
    [1e-4, -3.71901648545568],
    [1e-9, -5.9978070150076865],
    [2 ** -33, -6.337957754553789],
    [1 - 2 ** -33, 6.337957754553789],
  ])('of %f is %f', (p, z) => {
    expect(Math.abs(normalQuantile(p) - z)).toBeLessThan(2e-15 * Math.max(1, Math.abs(z)));
  });
});

describe('fillNormal', () => {
  afterEach(() => vi.restoreAllMocks());

  const normals = (length: number, options = { seed: 42, stream: 7 }): Float32Array => {
    const out = new Float32Array(length);
    fillNormal(out, options);
    return out;
  };

  test('gives the same bits everywhere', () => {
    const hash = createHash('sha256').update(normals(1000)).digest('hex');
    expect(hash).toBe('d99d04ec41f78a3cfa3438fbff8c7c90eb0f34705839e323878ea6690cd298f5');
  });

  test('calls nothing of Math that engines may round differently', () => {
    const inexact = [
      'log',
      'log2',
      'log1p',
      'log10',
      'exp',
      'expm1',
      'pow',
      'sin',
      'cos',
      'tan',
      'atan2',
      'cbrt',
      'hypot',
    ] as const;
    const spies = inexact.map((name) => vi.spyOn(Math, name));
    normals(1000);
    for (const spy of spies) expect(spy).not.toHaveBeenCalled();
  });

  test('element i depends on seed, stream and i alone', () => {
    expect(normals(37)).toEqual(normals(257).slice(0, 37));
    expect(normals(8, { seed: 43, stream: 7 })).not.toEqual(normals(8));
    expect(normals(8, { seed: 42, stream: 8 })).not.toEqual(normals(8));
    expect(normals(8, { seed: 42 + 2 ** 32, stream: 7 })).not.toEqual(normals(8));
  });

  test('has the moments of the normal distribution', () => {
    const out = new Float32Array(200_000);
    fillNormal(out, { seed: 3, stream: 1, mean: 5, std: 2 });
    const moment = (power: number): number => out.reduce((sum, x) => sum + ((x - 5) / 2) ** power, 0) / out.length;
    expect(Math.abs(moment(1))).toBeLessThan(0.01);
    expect(Math.abs(moment(2) - 1)).toBeLessThan(0.015);
    expect(Math.abs(moment(3))).toBeLessThan(0.03);
    expect(Math.abs(moment(4) - 3)).toBeLessThan(0.1);
  });
});

test('fillUniform stays in [low, high) and spreads evenly', () => {
  const out = new Float32Array(100_000);
  fillUniform(out, { seed: 1, stream: 2, low: -1, high: 3 });
  const counts = [0, 0, 0, 0];
  for (const x of out) counts[Math.floor(x) + 1]! += 1;
  expect(counts.reduce((sum, n) => sum + n)).toBe(out.length);
  for (const n of counts) expect(Math.abs(n - 25_000)).toBeLessThan(600);
});
