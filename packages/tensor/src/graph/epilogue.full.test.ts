// Every kind of op that may follow a product in its own kernel, in every family of kernels: the bits are those of ops by themselves.
import { device, families, withFamilies } from '../../../../test/gpu.ts';
import { differentiate, ops, Parameter, type Tensor } from '@lockstep/tensor';
import { expect, test } from 'vitest';
import {
  after,
  beside,
  bias,
  bothWays,
  columns,
  followed,
  inner,
  numbers,
  rows,
  weight,
  x,
} from '../../../../test/followed-product.ts';

const byRow = numbers([2, rows, 1], { shards: 2 });
const turned = numbers([2, columns, rows], { shards: 2 });

const chains: readonly (readonly [name: string, chain: (y: Tensor) => readonly Tensor[]])[] = [
  ['a residual', (y) => [after(beside.add(y))]],
  ['a bias, a number for each column', (y) => [after(y.add(bias).relu())]],
  ['a number for each row', (y) => [after(y.mul(byRow))]],
  ['a tensor that lies transposed', (y) => [after(y.mul(turned.transpose(-1, -2)))]],
  ['scale and cap', (y) => [after(y.mul(0.125).capped(1.5))]],
  ['a product by what may contract with the next sum', (y) => [after(y.mul(beside).add(beside))]],
  ['a mask', (y) => [after(ops.where(ops.greater(beside, 0), y, -1))]],
  ['an activation, and another reader of what it is applied to', (y) => [after(y.relu().square()), y.mul(3)]],
  ['what somebody may ask for', (y) => [beside.add(y)]],
  ['another shape of the same elements', (y) => [after(y.reshape([2 * rows, columns]).add(1))]],
  ['itself twice', (y) => [after(y.mul(y.add(1)))]],
  ['places', (y) => [after(y.add(ops.arange(device, columns)))]],
];

test.each(
  families.flatMap(([family, choice]) => chains.map(([name, chain]) => [name, family, choice, chain] as const)),
)('%s after a product, in its kernel and by itself (%s)', (_name, _family, choice, chain) =>
  withFamilies(choice, async () => {
    const { apart, together, kernels } = await bothWays(() => chain(ops.matmul(x, weight)));
    expect(together).toEqual(apart);
    expect(kernels.filter(followed)).toHaveLength(1);
  }),
);

test.each(families)('so with bias and GELU of a linear layer, and in backward (%s)', (_family, choice) =>
  withFamilies(choice, async () => {
    const up = new Parameter('up', weight, device.empty([inner, columns]));
    const down = new Parameter('down', numbers([columns, inner]), device.empty([columns, inner]));
    const own = new Parameter('bias', bias, device.empty([columns]));
    const step = (): readonly Tensor[] => {
      const loss = differentiate(device, () => {
        const y = ops.linear(x, up, own, { gelu: true }).mul(beside);
        return ops.matmul(y.tanh(), down).add(x).square().mean();
      });
      return [loss, ...[up, down, own].map(({ gradient }) => gradient.add(0))];
    };
    const { apart, together, kernels } = await bothWays(step);
    expect(together).toEqual(apart);
    expect(kernels.filter(followed).length).toBeGreaterThan(2);
  }),
);

test.each(families)('so after a norm, and after its backward (%s)', (_family, choice) =>
  withFamilies(choice, async () => {
    for (const norm of [ops.rmsNorm, ops.layerNorm]) {
      const scale = new Parameter('scale', numbers([2, rows, columns]), device.empty([2, rows, columns]));
      const step = (): readonly Tensor[] => {
        const loss = differentiate(device, () => {
          const once = ops.rmsNorm(beside.mul(scale));
          return once
            .add(ops.softmax(norm(once).mul(2).add(beside)))
            .square()
            .sum();
        });
        return [loss, scale.gradient.add(0)];
      };
      const { apart, together, kernels } = await bothWays(step);
      expect(together).toEqual(apart);
      expect(kernels.filter((name) => /^(rms|layer)Norm\w*_/.test(name)).length).toBeGreaterThan(1);
    }
  }),
);
