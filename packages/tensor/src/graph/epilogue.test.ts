// Ops that follow a product in its own kernel, as captured programs have them: the bits are those of ops by themselves, and nothing is taken
// along that is not there yet, or no more what it was. Every kind of them is in `epilogue.full.test.ts`.
import { differentiate, onGeneratedKernel, ops, Parameter, type Tensor } from '@lockstep/tensor';
import { openDevice } from '@lockstep/tensor/node';
import { expect, test } from 'vitest';
import { bareCalls } from '../../../../test/bare-calls.ts';
import { device } from '../../../../test/gpu.ts';
import {
  after,
  beside,
  bothWays,
  columns,
  followed,
  inner,
  namesOf,
  numbers,
  rows,
  weight,
  x,
} from '../../../../test/followed-product.ts';

test('what may contract with a sum, and what others read, too, has the bits of ops by themselves', async () => {
  const work = (): readonly Tensor[] => {
    const y = ops.matmul(x, weight);
    return [after(y.mul(beside).add(beside)), y.mul(3)];
  };
  const { apart, together, kernels } = await bothWays(work);
  expect(together).toEqual(apart);
  expect(kernels.filter(followed)).toHaveLength(1);
});

test('what is computed later, or overwritten in between, is not taken along', async () => {
  const kept = numbers([2, rows, columns], { shards: 2 });
  const before = await kept.read();
  const work = (): readonly Tensor[] => {
    const y = ops.matmul(x, weight);
    const later = ops.rmsNorm(ops.matmul(x.mul(2), weight));
    device.fill(kept, 3);
    return [after(y.add(later)), after(y.mul(kept))];
  };
  const apart = await device.read([...device.scope(work)]);
  kept.write(before);
  const program = await device.capture(work);
  expect(await device.submit([program, ...program.result])).toEqual(apart);
  expect(namesOf(program).filter((name) => name.startsWith('matmul'))).toHaveLength(2);
});

test('a product in parts, or beside more than adapters bind, is followed by other kernels', async () => {
  const narrow = await openDevice({ limits: { maxStorageBufferBindingSize: 16_384 } });
  const [a, b, c] = [
    [128, 16],
    [16, 64],
    [128, 64],
  ].map((shape) => numbers(shape, { on: narrow })) as [Tensor, Tensor, Tensor];
  const cut = await bothWays(() => [ops.rmsNorm(ops.matmul(a, b).add(c))], narrow);
  expect(cut.together).toEqual(cut.apart);
  expect(cut.kernels.some(followed)).toBe(false);
  await narrow.close();
  const many = Array.from({ length: 4 }, () => numbers([2, rows, columns], { shards: 2 }));
  const crowded = await bothWays(() => [after(many.reduce((sum, one) => sum.mul(one), ops.matmul(x, weight)))]);
  expect(crowded.together).toEqual(crowded.apart);
});

test('the gradient of one shard is written where it stays, and who has asked for what was there gets that', async () => {
  const one = numbers([rows, inner], { shards: 1 });
  const gradient = device.empty([inner, columns]);
  const own = new Parameter('w', weight, gradient);
  const loss = (): Tensor => differentiate(device, () => ops.matmul(one, own).square().sum());
  const { apart, together } = await bothWays(() => {
    device.fill(gradient, 2);
    const before = gradient.mul(3);
    return [loss(), before.add(1), gradient.add(0)];
  });
  expect(together).toEqual(apart);
  expect((together as Float32Array[])[1]).toEqual(new Float32Array(gradient.count).fill(7));
  const program = await device.capture(() => loss());
  expect(namesOf(program).some((name) => name.startsWith('treeSum'))).toBe(false);
});

test('what a product gives, and every op after it, passes through integers', () => {
  const generated: string[] = [];
  onGeneratedKernel(({ code }) => generated.push(code))();
  const epilogues = generated.filter((code) => code.includes('fn epilogue('));
  expect(epilogues.length).toBeGreaterThan(1);
  for (const code of epilogues) expect({ code, bare: bareCalls(code) }).toEqual({ code, bare: [] });
});
