// Which parameters an optimizer updates together, by which kernels, and which group takes them.
import { kernel, ops, type Tensor } from '@lockstep/tensor';
import { beforeAll, describe, expect, test } from 'vitest';
import * as z from 'zod';
import { difference } from '../../../../test/check-op.ts';
import { device } from '../../../../test/gpu.ts';
import { gradientsOf, learningRate, place, trained } from '../../../../test/optimizer-steps.ts';
import type { TensorMap } from '../parameters.ts';
import { chain, clipByGlobalNorm, defineOptimizer, groups, lion, muon, type OptimizerValue, sgd } from './index.ts';

let started: TensorMap;
beforeAll(async () => (started = await place(sgd()).parameters.read()));

describe('what is updated together', () => {
  const regionsOf = (value: OptimizerValue): string[] =>
    place(value).optimizer.plan.regions.map(({ isWhole, specs }) => `${specs.length}${isWhole ? ' whole' : ''}`);
  const all = ['5'];
  const each = ['1 whole', '1 whole', '1 whole', '1 whole', '1 whole'];
  const move =
    (by: (tensors: { weight: Tensor; gradient: Tensor }) => Tensor) =>
    ({ rate }: { rate: Tensor }, tensors: { weight: Tensor; gradient: Tensor }) => ({
      weight: tensors.weight.sub(by(tensors).mul(rate)),
    });
  const by = (amount: (tensors: { weight: Tensor; gradient: Tensor }) => Tensor): OptimizerValue =>
    defineOptimizer({ name: 'mine', update: (tensors, context) => move(amount)(context, tensors) })();

  test.each<[string, OptimizerValue, string[]]>([
    ['elementwise ops', by(({ gradient }) => ops.sign(gradient)), all],
    ['a number repeated', by(({ gradient }) => gradient.mul(ops.ones(gradient.device, gradient.shape))), all],
    ['a norm', by(({ gradient }) => gradient.div(ops.norm(gradient))), each],
    ['the order of elements', by(({ gradient }) => ops.flip(gradient)), each],
    ['places', by(({ gradient }) => gradient.mul(placesOf(gradient))), each],
    ['how many there are', by(({ gradient }) => gradient.mul(1 / gradient.size)), each],
    ['lengths', by(({ gradient }) => gradient.mul(1 / (gradient.shape[0] ?? 1))), each],
  ])('by %s', (_name, value, regions) => expect(regionsOf(value)).toEqual(regions));

  test('by how many axes there are: vectors each by itself', () => {
    const value = by(({ gradient }) => gradient.mul(gradient.shape.length));
    expect(regionsOf(value)).toEqual(['1 whole', '1', '1 whole', '2']);
  });

  test('and remembered from a beginning that needs all of it', () => {
    const value = defineOptimizer({
      name: 'mine',
      state: (weight) => ({ unit: weight.div(ops.norm(weight)) }),
      update: ({ weight, gradient, unit }) => ({ weight: weight.sub(gradient), unit }),
    })();
    expect(regionsOf(value)).toEqual(each);
  });

  test('an update by the size of parameters has its numbers', async () => {
    const { weights } = await trained(place(by(({ gradient }) => gradient.mul(1 / Math.sqrt(gradient.size)))), 1);
    const gradients = gradientsOf(place(sgd()).parameters, 1);
    for (const [name, { data }] of started) {
      const scale = learningRate / Math.sqrt(data.length);
      const expected = Array.from(data, (value, i) => value - scale * gradients.get(name)!.data[i]!);
      expect(difference(weights.get(name)!.data, expected), name).toBeLessThan(1e-6);
    }
  });

  test('in few dispatches', async () => {
    const { optimizer } = place(chain(clipByGlobalNorm(1), lion()));
    const program = await device.capture(() => optimizer.dispatch());
    expect(program.dispatches.length).toBeLessThanOrEqual(6);
  });
});

/** Indices of a tensor's elements, in its shape. */
const placesOf = (x: Tensor): Tensor => ops.reshape(ops.cast(ops.arange(x.device, x.size), 'f32'), x.shape);

test('groups take by pattern, by the layer’s own name, by shape', async () => {
  const value = groups({ biases: sgd({ matches: /bias$/, peak: 0.5 }), matrices: muon(), rest: lion() }, { peak: 0.1 });
  const { plan } = place(value).optimizer;
  const found = plan.groups.map(({ name }, group) => [
    name,
    plan.regions.filter((region) => region.group === group).flatMap(({ specs }) => specs.map((spec) => spec.name)),
  ]);
  expect(found).toEqual([
    ['biases', ['second.bias', 'first.bias']],
    ['matrices', ['second.weight', 'first.weight']],
    ['rest', ['embed.weight']],
  ]);
  expect(plan.groups.map(({ links }) => links[0]!.peak)).toEqual([0.05, 0.1, 0.1]);
});

test('a kernel of one’s own takes the place of the ops', async () => {
  const halving = kernel(`
    struct Params { size: u32, share: f32 }
    @group(0) @binding(0) var<uniform> params: Params;
    @group(0) @binding(1) var<storage, read_write> weights: array<f32>;
    @compute @workgroup_size(64)
    fn main(@builtin(global_invocation_id) id: vec3u) {
      if (id.x < params.size) { weights[id.x] *= params.share; }
    }`);
  const composed = defineOptimizer({
    name: 'shrinking',
    settings: z.object({ share: z.number().default(0.5) }),
    update: ({ weight }, { share }) => ({ weight: weight.mul(share) }),
  });
  const own = defineOptimizer({
    name: 'shrinking',
    settings: z.object({ share: z.number().default(0.5) }),
    update: ({ weight }, { share }) => ({ weight: weight.mul(share) }),
    fused: (on, { weight: weights }, { share }, { size }) =>
      on.run(halving, { weights }, { size, share }, [Math.ceil(size / 64)]),
  });
  const fused = place(own());
  const program = await device.capture(() => fused.optimizer.dispatch());
  expect(program.dispatches[0]!.kernel).toBe('kernel');
  expect(await trained(fused)).toEqual(await trained(place(composed())));
  // It says nothing of numbers that are not finite, and so others look for them.
  device.view(fused.parameters.weights, 70, [1]).write(Float32Array.of(Infinity));
  await device.submit([program]);
  expect(await fused.optimizer.unsound.read()).toEqual(Uint32Array.of(1));
});
