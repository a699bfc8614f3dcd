import { expect, test } from 'vitest';
import { device } from '../../../../test/gpu.ts';
import { attention, matmul, mul, softmax, sum } from '../ops/index.ts';
import type { Tensor } from '../tensor.ts';
import { boundBytes, type Work } from './dispatch.ts';
import { Memory } from './memory.ts';

const zeros = (...shape: number[]): Tensor => device.tensor(new Float32Array(shape.reduce((a, b) => a * b, 1)), shape);

async function workOf(work: () => Tensor): Promise<Work> {
  const program = await device.capture(work);
  const all = program.dispatches.map((dispatch) => dispatch.work);
  program.dispose();
  return {
    flops: all.reduce((total, { flops }) => total + flops, 0),
    bytes: all.reduce((total, { bytes }) => total + bytes, 0),
  };
}

test('a program knows what its kernels compute and move at the least', async () => {
  const [a, b, x] = [zeros(5, 7), zeros(7, 3), zeros(4, 6)];
  expect(await workOf(() => matmul(a, b))).toEqual({ flops: 2 * 5 * 3 * 7, bytes: 4 * (35 + 21 + 15) });
  expect(await workOf(() => softmax(x))).toEqual({ flops: 4 * 24, bytes: 8 * 24 });
  expect(await workOf(() => mul(mul(x, x), 2))).toEqual({ flops: 2 * 24, bytes: 8 * 24 });
  expect(await workOf(() => sum(x, { axis: 1 }))).toEqual({ flops: 24, bytes: 4 * (24 + 4) });
});

test('attention counts the scores that are seen', async () => {
  const qkv = zeros(2, 16, 3 * 3 * 8);
  const all = await workOf(() => attention(qkv, { heads: 3, causal: false }));
  const seen = await workOf(() => attention(qkv, { heads: 3, causal: true }));
  expect(all.flops).toBe(4 * 2 * 3 * 8 * 16 * 16);
  expect(seen.flops).toBe(4 * 2 * 3 * 8 * ((16 * 17) / 2));
});

test('what is bound twice, or in part by two bindings, counts once', () => {
  const [one, other] = [new Memory(4096, { isTransient: true }), new Memory(4096, { isTransient: true })];
  const entry = (memory: Memory, start: number, end: number) => ({ binding: 1, memory, start, end });
  expect(boundBytes([entry(one, 0, 1024), entry(one, 512, 2048), entry(one, 256, 512)])).toBe(2048);
  expect(boundBytes([entry(one, 0, 1024), entry(other, 0, 1024)])).toBe(2048);
});
