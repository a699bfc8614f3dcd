// What a captured program computes once though it was asked for more often, and what it may not share.
import { checkpoint, defineOp, differentiate, kernel, noise, ops, Parameter, type Tensor } from '@lockstep/tensor';
import { expect, test } from 'vitest';
import { device } from '../../../../test/gpu.ts';

const numbers = (seed: number): Tensor => device.tensor(Float32Array.from(noise(64, seed)), [8, 8]);
const [a, b] = [numbers(1), numbers(2)];

/** How often a captured program runs a kernel; its results are those of the same work op by op. */
async function timesOf(name: string, work: () => readonly Tensor[]): Promise<number> {
  const apart = await device.read([...device.scope(work)]);
  const program = await device.capture(work);
  expect(await device.submit([program, ...program.result])).toEqual(apart);
  return program.dispatches.filter((one) => one.kernel.startsWith(name)).length;
}

test('equal ops of equal inputs are computed once, whatever they are made of', async () => {
  const normal = (): Tensor => ops.softmax(ops.exp(ops.transpose(a)).mul(2));
  expect(await timesOf('softmax', () => [ops.add(normal(), ops.matmul(b, normal()))])).toBe(1);
  const total = (): Tensor => ops.sum(ops.square(a), { axis: 0 });
  expect(await timesOf('sum', () => [ops.softmax(total()), ops.rmsNorm(total())])).toBe(1);
});

test('other options, constants and inputs are other values', async () => {
  const sum = (...parts: Tensor[]): readonly Tensor[] => [parts.reduce((x, y) => ops.add(x, y))];
  const norm = (x: Tensor, epsilon: number): Tensor => ops.rmsNorm(x, { epsilon });
  expect(await timesOf('rmsNorm', () => sum(norm(a, 1e-5), norm(a, 1e-2), norm(b, 1e-5)))).toBe(3);
  expect(
    await timesOf('softmax', () => sum(ops.softmax(a.mul(0)), ops.softmax(a.mul(-0)), ops.softmax(a.mul(1)))),
  ).toBe(3);
});

test('what is returned twice lies in two memories', async () => {
  expect(await timesOf('softmax', () => [ops.softmax(a), ops.softmax(a)])).toBe(2);
});

test('a value is computed again where what it was made of, or it itself, has been written over', async () => {
  const kept = device.empty([8, 8]);
  const overwritten = (): readonly Tensor[] => {
    device.copy(a, kept);
    const before = ops.softmax(kept);
    device.copy(b, kept);
    return [ops.add(before, ops.softmax(kept))];
  };
  expect(await timesOf('softmax', overwritten)).toBe(2);
  const filled = (): readonly Tensor[] => {
    const first = ops.softmax(a);
    device.fill(kept, 1);
    device.copy(first, kept);
    return [ops.matmul(kept, ops.softmax(a))];
  };
  expect(await timesOf('softmax', filled)).toBe(1);
});

test('what a kernel writes over in place has a memory of its own', async () => {
  const doubled = kernel(`
    @group(0) @binding(0) var<storage, read_write> x: array<f32>;
    @compute @workgroup_size(64) fn main(@builtin(local_invocation_index) i: u32) { x[i] = 2.0 * x[i]; }`);
  const written = (): readonly Tensor[] => {
    const [kept, own] = [ops.softmax(a), ops.softmax(a)];
    const before = ops.matmul(kept, b);
    device.run(doubled, { x: own }, {}, [1]);
    return [before.add(ops.matmul(kept, own))];
  };
  expect(await timesOf('softmax', written)).toBe(2);
});

test('ops with an option whose text does not say all are not shared', async () => {
  const filled = defineOp<[x: Tensor], { readonly value: number | (() => number) }>({
    name: 'filled',
    shape: ([x]) => x,
    forward: (on, _, y, { value }) => on.fill(y, typeof value === 'number' ? value : value()),
  });
  const twice = (one: Tensor, two: Tensor): readonly Tensor[] => [ops.matmul(one, two)];
  expect(await timesOf('fill', () => twice(filled(a, { value: 2 }), filled(a, { value: 2 })))).toBe(1);
  expect(await timesOf('fill', () => twice(filled(a, { value: () => 2 }), filled(a, { value: () => 3 })))).toBe(2);
});

test('a checkpointed block is computed again, but not what no gradient flows through', async () => {
  const weight = new Parameter('weight', numbers(3), device.empty([8, 8]));
  const block = (x: Tensor): Tensor => ops.matmul(ops.softmax(ops.matmul(x, weight)), ops.softmax(b));
  const loss = (): readonly Tensor[] => [differentiate(device, () => ops.sum(checkpoint(block, a)))];
  const program = await device.capture(loss);
  // The block's own twice; that of b once for both.
  expect(program.dispatches.filter(({ kernel }) => kernel === 'softmax')).toHaveLength(3);
});
