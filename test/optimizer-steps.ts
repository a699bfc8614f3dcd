// A few parameters on a device, and steps of an optimizer over them, for tests that compare what comes of it.
import {
  createModel,
  defineModel,
  layers,
  Optimizer,
  type OptimizerValue,
  Parameters,
  type TensorMap,
  unpackStates,
} from '@lockstep/nn';
import { noise } from './check-op.ts';
import { device } from './gpu.ts';

/** Two matrices, two vectors and an embedding, of sizes that do not fill their blocks. */
const mixed = defineModel({
  name: 'mixed',
  create: () => ({
    parameters: {
      embed: layers.embedding(11, 5),
      first: { weight: layers.parameter([24, 13], { initial: { std: 1 } }), bias: layers.parameter([24]) },
      second: {
        weight: layers.parameter([7, 24], { initial: { std: 1 } }),
        bias: layers.parameter([7], { group: 'special' }),
      },
    },
  }),
});

export const learningRate = 0.05;
export const steps = 5;

interface Placed {
  readonly parameters: Parameters;
  readonly optimizer: Optimizer;
}

/** Gradients of a step, by parameter; the padding between them is 0, as on a device. */
export function gradientsOf(parameters: Parameters, step: number): TensorMap {
  return new Map(
    parameters.specs.map(({ name, shape }, i) => {
      const size = shape.reduce((a, b) => a * b, 1);
      return [name, { shape, data: Float32Array.from(noise(size, 100 * step + i)) }];
    }),
  );
}

export const norm = (values: Iterable<number>): number =>
  Math.sqrt([...values].reduce((sum, value) => sum + value ** 2, 0));

export function place(value: OptimizerValue): Placed {
  const parameters = new Parameters(device, createModel(mixed()));
  parameters.initialize(3);
  return { parameters, optimizer: new Optimizer(value, device, parameters) };
}

/** Takes steps, and gives the weights and what is remembered. */
export async function trained(
  { parameters, optimizer }: Placed,
  count = steps,
): Promise<{ weights: TensorMap; state: Map<string, TensorMap> }> {
  const program = await device.capture(() => optimizer.dispatch());
  for (let step = 1; step <= count; step++) {
    const gradients = gradientsOf(parameters, step);
    device.view(parameters.gradients, 0, parameters.weights.shape).write(parameters.pack(gradients));
    const byGroup = optimizer.plan.groups.map((_, group) =>
      optimizer.plan.regions.filter((region) => region.group === group).flatMap(({ specs }) => specs),
    );
    optimizer.norm.write(Float32Array.of(norm([...gradients.values()].flatMap(({ data }) => [...data]))));
    for (const [group, specs] of byGroup.entries())
      optimizer.norms[group]!.write(Float32Array.of(norm(specs.flatMap(({ name }) => [...gradients.get(name)!.data]))));
    optimizer.schedule(step, learningRate);
    await device.submit([program]);
  }
  const own = await optimizer.readOwn();
  return {
    weights: await parameters.read(),
    state: unpackStates(optimizer.plan, [{ segments: optimizer.segments, own }]),
  };
}
