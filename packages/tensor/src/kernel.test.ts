// Kernels of users: what is wrong with them is told in one line, and what is right runs for each shard by itself.
import { expect, test } from 'vitest';
import { checkOp } from './check/check-op.ts';
import { defineOp } from './autograd/op.ts';
import { device } from '../../../test/gpu.ts';
import { kernel } from './kernel.ts';
import { openDevice } from './node/open-device.ts';
import type { Tensor } from './tensor.ts';

const times = (factor: string): string => `
struct Params { size: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(64)
fn scale(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < params.size) { y[id.x] = ${factor} * x[id.x]; }
}`;
const triple = kernel(times('3.0'));

test('a foreign op is judged as ours are, though its shards begin where nothing can be bound', async () => {
  const op = defineOp<[x: Tensor]>({
    name: 'triple',
    shape: ([x]) => x,
    forward: (on, [x], y) => on.run(triple, { x, y }, { size: x.size }, [Math.ceil(x.size / 64)]),
    reads: [],
    backward: (on, { dy, gradient }) =>
      on.run(triple, { x: dy, y: gradient(0) }, { size: dy.size }, [Math.ceil(dy.size / 64)]),
    reference: (v: number) => 3 * v,
  });
  expect(await checkOp(device, op, { shapes: [[1], [37]] })).toEqual({ samples: 2, judgements: 9 });
});

test('the checker says which element a wrong op gets wrong', async () => {
  const op = defineOp<[x: Tensor]>({
    name: 'double',
    shape: ([x]) => x,
    forward: (on, [x], y) => on.run(triple, { x, y }, { size: x.size }, [1]),
    reference: (v: number) => 2 * v,
  });
  await expect(checkOp(device, op, { shapes: [[3]] })).rejects.toThrow(
    /^double of \[3\]: expected forward within .*, got an error of .* in element \d/,
  );
});

test('another text of the same name is another kernel', async () => {
  const x = device.tensor(Float32Array.of(1));
  const run = async (factor: string): Promise<number> => {
    const y = device.empty([1]);
    device.run(kernel(times(factor), { name: 'same' }), { x, y }, { size: 1 }, [1]);
    return y.item();
  };
  expect([await run('5.0'), await run('7.0')]).toEqual([5, 7]);
});

test('a call that does not fit its kernel stops in one line', () => {
  const [x, words] = [device.empty([4]), device.empty([4], 'u32')];
  expect(() => device.run(triple, { x, z: x }, { size: 4 }, [1])).toThrow('kernel: expected bindings x, y, got x, z');
  expect(() => device.run(triple, { x, y: x }, {}, [1])).toThrow('kernel: expected parameters size, got none');
  expect(() => device.run(triple, { x: words, y: x }, { size: 4 }, [1])).toThrow('kernel: expected x of f32, as its');
  expect(() => device.run(triple, { x, y: x }, { size: 4 }, [1e6])).toThrow('kernel: expected workgroups up to');
});

test('a text without an entry point, or with bindings that nobody can read, is no kernel', () => {
  expect(() => kernel('fn nothing() {}')).toThrow('kernel: expected a storage binding');
  expect(() => kernel('@group(1) @binding(0) var<storage, read> x: array<f32>;')).toThrow('expected x in @group(0)');
  expect(() => kernel('@group(0) @binding(0) var<storage, read> x: array<f32>;')).toThrow('one @compute entry point');
});

test('what the compiler refuses is told with its line, and the device goes on', async () => {
  const y = device.empty([1]);
  device.run(kernel(times('lots')), { x: device.tensor(Float32Array.of(1)), y }, { size: 1 }, [1]);
  await expect(y.read()).rejects.toThrow(/^kernel: the driver refused the kernel: line 8:\d+: unresolved value 'lots'/);
  expect(await device.tensor(Float32Array.of(4)).item()).toBe(4);
});

test('a kernel that does not end in time is named', async () => {
  const slow = kernel(
    `
@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@compute @workgroup_size(1) fn main() {
  for (var i = 0u; i < 100000000u; i++) { x[0] = x[0] * 1.0000001 + x[1]; }
}`,
    { name: 'slow' },
  );
  const hasty = await openDevice({ deadlineMs: 20 });
  const x = hasty.tensor(Float32Array.of(1, 0));
  hasty.run(slow, { x }, {}, [1]);
  await expect(x.read()).rejects.toThrow('device: expected kernels that end within 0.02 s, got none of slow');
  await hasty.close();
});
