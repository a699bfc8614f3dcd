import { describe, expect, test } from 'vitest';
import { checkOp } from '../../../../test/check-op.ts';
import { device } from '../../../../test/gpu.ts';
import { ShapeError } from '@lockstep/errors';
import type { CheckableOp } from '../check/op-check.ts';
import type { Shape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { attention, type AttentionHeads, type AttentionOptions } from './attention.ts';
import { matmul } from './matmul.ts';
import { joinHeads, split } from './split.ts';
import { planAttention } from './attention-plan.ts';

const packed = (
  batches: number,
  tokens: number,
  headSize: number,
  heads: AttentionHeads,
): { shapes: number[][]; options: AttentionHeads & AttentionOptions } => ({
  shapes: [[batches, tokens, (heads.heads + 2 * (heads.kvHeads ?? heads.heads)) * headSize]],
  options: { ...heads, causal: true },
});

type Values = readonly Float64Array[];
type Plain = Omit<AttentionOptions, 'mask' | 'lengths' | 'keyLengths'>;

/** What each score becomes before the softmax; nothing where the key is not seen. */
type Score = (place: { batch: number; head: number; t: number; j: number }, score: number) => number | undefined;

/** Attention by its definition: q (B, H, T, D), k and v (B, KV, S, D). */
function attend([q, k, v]: Values, [qShape, kShape]: readonly Shape[], scoreOf: Score, scale?: number): Float64Array {
  const [batches, heads, tokens, size] = qShape as [number, number, number, number];
  const [, kvHeads, keys] = kShape as [number, number, number];
  const y = new Float64Array(batches * heads * tokens * size);
  const row = (x: Float64Array, at: number): Float64Array => x.subarray(at * size, (at + 1) * size);
  for (let at = 0; at < batches * heads * tokens; at++) {
    const [t, head, batch] = [at % tokens, Math.floor(at / tokens) % heads, Math.floor(at / tokens / heads)];
    const first = (batch * kvHeads + Math.floor((head * kvHeads) / heads)) * keys;
    const scores = Array.from({ length: keys }, (_, j) => {
      const product = row(q!, at).reduce((sum, value, d) => sum + value * row(k!, first + j)[d]!, 0);
      return scoreOf({ batch, head, t, j }, product * (scale ?? 1 / Math.sqrt(size)));
    });
    const most = Math.max(...scores.map((score) => score ?? -Infinity));
    const weights = scores.map((score) => (score === undefined ? 0 : Math.exp(score - most)));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    scores.forEach((score, j) => {
      if (score === undefined) return;
      row(v!, first + j).forEach((value, d) => (y[at * size + d]! += (weights[j]! / total) * value));
    });
  }
  return y;
}

const isSeen = ({ causal = false, start = 0, window }: Plain, t: number, j: number): boolean =>
  !(causal && j > t + start) && !(window !== undefined && Math.abs(t + start - j) >= window);

const capped = ({ cap }: Plain, score: number): number => (cap === undefined ? score : cap * Math.tanh(score / cap));

checkOp(attention as CheckableOp<AttentionHeads & AttentionOptions>, {
  inEveryFamily: true,
  samples: [
    packed(1, 1, 1, { heads: 1 }),
    packed(2, 37, 5, { heads: 3 }),
    packed(2, 33, 37, { heads: 4, kvHeads: 2 }),
    packed(1, 257, 5, { heads: 2, kvHeads: 1 }),
    packed(1, 19, 128, { heads: 2, kvHeads: 1 }),
  ],
  reference([qkv], [shape], { heads, kvHeads = heads, ...options }) {
    const [batches, tokens, width] = shape as [number, number, number];
    const size = width / (heads + 2 * kvHeads);
    const part = (first: number, count: number): Float64Array =>
      Float64Array.from({ length: batches * count * tokens * size }, (_, i) => {
        const [d, t] = [i % size, Math.floor(i / size) % tokens];
        const [head, batch] = [Math.floor(i / size / tokens) % count, Math.floor(i / size / tokens / count)];
        return qkv![(batch * tokens + t) * width + (first + head) * size + d]!;
      });
    const shapes = [heads, kvHeads].map((count) => [batches, count, tokens, size]);
    const values = [part(0, heads), part(heads, kvHeads), part(heads + kvHeads, kvHeads)];
    const y = attend(values, shapes, ({ t, j }, score) => (isSeen(options, t, j) ? score : undefined));
    // (B, H, T, D) as (B, T, H·D)
    return y.map((_, i) => {
      const [d, head] = [i % size, Math.floor(i / size) % heads];
      const [t, batch] = [Math.floor(i / size / heads) % tokens, Math.floor(i / size / heads / tokens)];
      return y[((batch * heads + head) * tokens + t) * size + d]!;
    });
  },
});

const cross = [
  [2, 4, 9, 6],
  [2, 2, 13, 6],
  [2, 2, 13, 6],
];

checkOp(attention as CheckableOp<AttentionOptions>, {
  inEveryFamily: true,
  judgesNaN: false,
  samples: [
    { shapes: cross, options: { scale: 0.3 } },
    { shapes: cross, options: { causal: true, start: 4, window: 3, cap: 1.5 } },
    {
      shapes: [
        [1, 1, 5, 200],
        [1, 1, 7, 200],
        [1, 1, 7, 200],
      ],
    },
  ],
  reference: (values, shapes, options = {}) =>
    attend(
      values,
      shapes,
      ({ t, j }, score) => (isSeen(options, t, j) ? capped(options, score) : undefined),
      options.scale,
    ),
});

const masked = Object.defineProperty(
  (q: Tensor, k: Tensor, v: Tensor, mask: Tensor) => attention(q, k, v, { mask }),
  'name',
  { value: 'attention under a mask' },
);

checkOp(masked, {
  inEveryFamily: true,
  judgesNaN: false,
  samples: [{ shapes: [...cross, [4, 9, 13]] }],
  reference: (inputs, shapes) =>
    attend(inputs.slice(0, 3), shapes, ({ head, t, j }, score) => score + inputs[3]![(head * 9 + t) * 13 + j]!),
});

checkOp(masked, {
  judgesNaN: false,
  samples: [{ shapes: [...cross, [2, 1, 1, 13]] }],
  integers: { 3: () => 2 },
  reference: (inputs, shapes) =>
    attend(inputs.slice(0, 3), shapes, ({ batch, j }, score) => (inputs[3]![batch * 13 + j] ? score : undefined)),
});

checkOp(
  Object.defineProperty(
    (q: Tensor, k: Tensor, v: Tensor, lengths: Tensor) => attention(q, k, v, { lengths, causal: true }),
    'name',
    { value: 'attention of padded rows' },
  ),
  {
    inEveryFamily: true,
    judgesNaN: false,
    samples: [{ shapes: [[3, 2, 11, 6], [3, 2, 11, 6], [3, 2, 11, 6], [3]] }],
    integers: { 3: () => 12 },
    reference: (inputs, shapes) =>
      attend(inputs.slice(0, 3), shapes, ({ batch, t, j }, score) =>
        j <= t && Math.max(t, j) < inputs[3]![batch]! ? score : undefined,
      ),
  },
);

test('parts of one projection are read where they lie, and heads are joined without a copy', async () => {
  const qkv = device.tensor(new Float32Array(2 * 5 * 36), [2, 5, 36]);
  const weights = device.tensor(new Float32Array(12 * 7), [12, 7]);
  const program = await device.capture(() => {
    const [q, k, v] = split(qkv, 3, { heads: 2 }) as [Tensor, Tensor, Tensor];
    return matmul(joinHeads(attention(q, k, v, { causal: true })), weights);
  });
  expect(program.dispatches.map(({ kernel }) => kernel)).toEqual([
    expect.stringMatching(/^attention/),
    expect.stringMatching(/^matmul/),
  ]);
  for (const one of [program, qkv, weights]) one.dispose();
});

test('attention does not overflow on scores beyond the range of exp', async () => {
  const y = device.scope(() => attention(device.tensor(new Float32Array(9 * 24).fill(40), [1, 9, 24]), { heads: 1 }));
  expect(await y.read()).toEqual(new Float32Array(9 * 8).fill(40));
  y.dispose();
});

test('attention refuses shapes that its heads do not divide', () => {
  const message = /^attention: expected \(B, T, \(heads \+ 2·kvHeads\)·D\) with 3 heads, .* got \[/;
  for (const [shape, kvHeads] of [
    [[2, 4, 10], 3],
    [[2, 4, 14], 2],
    [[8, 9], 3],
    [[1, 1, 9 * 257], 3],
  ] as const) {
    expect(() => attention(device.empty([...shape]), { heads: 3, kvHeads })).toThrow(message);
    expect(() => attention(device.empty([...shape]), { heads: 3, kvHeads })).toThrow(ShapeError);
  }
});

describe.each([16_384, 32_768])('with %i bytes of workgroup memory', (maxComputeWorkgroupStorageSize) => {
  test.each([1, 5, 32, 37, 64, 96, 128])('tiles of head size %i fit', (headSize) => {
    const families = { ...device.families, attention: 'tiled' };
    const limited = { families, facts: device.facts, limits: { maxComputeWorkgroupStorageSize } };
    const { rows, constants } = planAttention(limited as unknown as typeof device, headSize);
    const { parts, columns, tile } = constants as Record<'parts' | 'columns' | 'tile', number>;
    expect(2 * tile * parts * columns * 4 + rows * parts * 32).toBeLessThanOrEqual(maxComputeWorkgroupStorageSize);
    expect(tile).toBeGreaterThanOrEqual(4);
    expect(parts * columns).toBeGreaterThanOrEqual(headSize);
  });
});
