// What a device promises of the order of work, and of memory when something goes wrong.
import { expect, test } from 'vitest';
import { device } from '../../../../test/gpu.ts';
import { openDevice } from '@lockstep/tensor/node';
import { mul } from '../ops/arithmetic.ts';

test('a write does not overtake a submit that was asked for before it', async () => {
  const x = device.tensor(Float32Array.of(1, 2));
  const program = await device.capture(() => mul(x, 10));
  const first = device.submit([program, program.result, x]);
  x.write(Float32Array.of(3, 4));
  const second = device.submit([program, program.result]);
  expect((await first).map((data) => [...data])).toEqual([
    [10, 20],
    [1, 2],
  ]);
  expect((await second).map((data) => [...data])).toEqual([[30, 40]]);
  program.dispose();
  x.dispose();
});

test('stages are submits of their own, and arrive in their order as they were then', async () => {
  const x = device.tensor(Float32Array.of(1, 2));
  const program = await device.capture(() => device.fill(x, 5));
  await device.submit([program]);
  x.write(Float32Array.of(1, 2));
  const { submits } = device.stats;
  const order: number[] = [];
  const into = new Float32Array(2);
  const arrivals = device.stream([{ work: [x], into: [into] }, { work: [program, x] }]);
  const read = await Promise.all(
    arrivals.map(async (arrival, i) => {
      const { data } = await arrival;
      order.push(i);
      return data.map((values) => [...values]);
    }),
  );
  expect(read).toEqual([[[1, 2]], [[5, 5]]]);
  expect([...into]).toEqual([1, 2]);
  expect(order).toEqual([0, 1]);
  expect(device.stats.submits - submits).toBe(2);
  x.dispose();
});

test('an upload keeps its place among writes, and uses the same memory again', async () => {
  const x = device.tensor(Float32Array.of(1, 2));
  const half = device.view(x, 0, [1]);
  let buffers = 0;
  for (let round = 0; round < 5; round++) {
    device.upload(x, Float32Array.of(round, round));
    half.write(Float32Array.of(-round));
    expect([...(await x.read())]).toEqual([-round, round]);
    await device.gpu.queue.onSubmittedWorkDone();
    if (round === 1) ({ buffers } = device.stats);
  }
  expect(device.stats.buffers).toBe(buffers);
  x.dispose();
});

test('memory shared between threads is written as any other', async () => {
  const shared = new Float32Array(new SharedArrayBuffer(16), 4, 2);
  shared.set([7, 8]);
  const x = device.tensor(shared);
  expect([...(await x.read())]).toEqual([7, 8]);
  shared.set([9, 10]);
  device.upload(x, shared);
  shared.fill(0);
  expect([...(await x.read())]).toEqual([9, 10]);
  x.dispose();
});

test('a scope that throws gives its memory back', async () => {
  const make = (): void => {
    device.empty([12_345]);
    throw new Error('on purpose');
  };
  const attempt = (): void => expect(() => device.scope(make)).toThrow('on purpose');
  attempt();
  const before = device.stats;
  attempt();
  expect(device.stats).toEqual(before);
  const capture = async (): Promise<void> => expect(device.capture(make)).rejects.toThrow('on purpose');
  await capture();
  const captured = device.stats;
  await capture();
  expect(device.stats).toEqual(captured);
});

test('a capture refuses to read or to write', async () => {
  const x = device.tensor(Float32Array.of(1));
  await expect(device.capture(() => x.write(Float32Array.of(2)))).rejects.toThrow('got a write from the host');
  const { result: reading } = await device.capture(() => ({ data: x.read().catch(String) }));
  expect(await reading.data).toContain('got a submit');
  x.dispose();
});

test('staging buffers that could not be read are not counted on again', async () => {
  const device = await openDevice(); // that has no staging buffers yet
  const lost = device.tensor(Float32Array.of(1, 2, 3));
  await lost.read();
  const { buffers } = device.stats;
  const create = device.gpu.createBuffer.bind(device.gpu);
  // Larger than the staging buffer so far, so that a new one is made, which cannot be mapped.
  const large = device.empty([1_000_003]);
  device.gpu.createBuffer = (descriptor) => create({ ...descriptor, usage: GPUBufferUsage.COPY_DST });
  const reading = device.read([lost, large]);
  device.gpu.createBuffer = create;
  await expect(reading).rejects.toThrow('device: ');
  expect(await lost.read()).toEqual(Float32Array.of(1, 2, 3));
  expect(device.stats.buffers).toBeLessThanOrEqual(buffers + 1);
  await device.close();
});

test('a value that is written over what it was computed of is not computed again of that', async () => {
  const [w, average] = [device.tensor(Float32Array.of(10, 20)), device.tensor(Float32Array.of(1, 2))];
  const program = await device.capture(() => {
    const next = w.sub(1);
    device.copy(next, w);
    device.copy(average.add(next), average);
  });
  await device.submit([program]);
  expect(await w.read()).toEqual(Float32Array.of(9, 19));
  expect(await average.read()).toEqual(Float32Array.of(10, 21));
});
