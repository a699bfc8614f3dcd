// A training step taken apart: what the host does, what each kernel takes, what comes back.
import {
  adamW,
  createModel,
  createOptimizer,
  languageModelLoss,
  type ModelDescription,
  Parameters,
} from '@lockstep/nn';
import {
  type Device,
  differentiate,
  type DispatchTime,
  euclideanNorm,
  profile,
  type Program,
  type Tensor,
} from '@lockstep/tensor';
import type { StepRow } from '../bench-file.ts';
import { median } from '../statistics.ts';

/** Sizes of a step. */
export interface StepSizes {
  /** Sequences of a step; each shard has as many. */
  readonly batch: number;
  readonly context: number;
  readonly vocab: number;
  readonly shards: number;
}

/** Measures steps of a model over tokens of chance: forward, backward, norm and AdamW on one device. */
export async function measureStep(
  device: Device,
  {
    name,
    model: description,
    sizes,
    steps,
  }: { name: string; model: ModelDescription; sizes: StepSizes; steps: number },
): Promise<StepRow> {
  const before = device.stats.bytes;
  const model = createModel(description);
  const parameters = new Parameters(device, model);
  parameters.initialize(1);
  const { batch, context, vocab, shards } = sizes;
  const rows = batch * context;
  const ids = (of: (i: number) => number): Tensor =>
    device.tensor(
      Uint32Array.from({ length: rows }, (_, i) => of(i)),
      [batch / shards, context],
      { shards },
    );
  const inputs = {
    tokens: ids((i) => (i * 7919) % vocab),
    targets: ids((i) => (i * 7907 + 1) % vocab),
    positions: ids((i) => i % context),
  };
  const decay = device.tensor(parameters.perBlock(({ shape }) => (shape.length >= 2 ? 1 : 0)));
  const { weights, gradients } = parameters;
  const optimizer = createOptimizer(adamW(), device, { weights, gradients, decay });
  optimizer.schedule(1, 1e-4);
  const program = await device.capture(() => {
    const loss = differentiate(device, () => languageModelLoss(model, parameters, inputs, { rows }));
    euclideanNorm(device, device.view(gradients, 0, [weights.size]), optimizer.norm);
    optimizer.dispatch();
    return loss;
  });
  const times = await timed(device, program, { steps, read: optimizer.norm });
  return { name, shape: shapeOf(sizes), bytes: device.stats.bytes - before, ...times };
}

const shapeOf = ({ batch, context, vocab, shards }: StepSizes): string =>
  `batch ${batch} × ${context}, vocabulary ${vocab}, ${shards} shard${shards === 1 ? '' : 's'}`;

async function timed(
  device: Device,
  program: Program,
  { steps, read }: { steps: number; read: Tensor },
): Promise<Omit<StepRow, 'name' | 'shape' | 'bytes'>> {
  const done = (): Promise<unknown> => device.gpu.queue.onSubmittedWorkDone();
  await device.submit([program]);
  await done();
  const times = { whole: [] as number[], host: [] as number[], read: [] as number[] };
  for (let step = 0; step < steps; step++) {
    const start = performance.now();
    const encoder = device.gpu.createCommandEncoder();
    program.encode(encoder);
    device.gpu.queue.submit([encoder.finish()]);
    times.host.push(performance.now() - start);
    await done();
    times.whole.push(performance.now() - start);
  }
  for (let step = 0; step < steps; step++) {
    const start = performance.now();
    await device.submit([read]);
    times.read.push(performance.now() - start);
  }
  const us = (values: readonly number[]): number => 1000 * median(values);
  const kernels = await byKernel(device, program);
  return {
    us: us(times.whole),
    hostUs: us(times.host),
    gpuUs: kernels.reduce((sum, one) => sum + one.us, 0),
    readbackUs: us(times.read),
    dispatches: program.dispatches.length,
    submits: 1,
    kernels,
  };
}

/** What each kernel takes of a step, the most expensive first: medians over runs in which nothing overlaps. */
async function byKernel(device: Device, program: Program): Promise<StepRow['kernels']> {
  const runs: DispatchTime[][] = [];
  for (let run = 0; run < 5; run++) runs.push(await profile(device, program));
  const names = [...new Set(runs[0]!.map(({ kernel }) => kernel))];
  return names
    .map((kernel) => {
      const all = runs.map((run) => run.filter((one) => one.kernel === kernel).reduce((sum, { ms }) => sum + ms, 0));
      return { kernel, count: runs[0]!.filter((one) => one.kernel === kernel).length, us: 1000 * median(all) };
    })
    .toSorted((a, b) => b.us - a.us);
}
