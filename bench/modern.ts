/**
 * Training of examples/modern.ts, what `npm start` shows, beside the same in PyTorch on the same cores: from the same weights, on the same
 * batches, by the same recipe. Losses are compared step by step before anything is said of time; both take their steps in turns.
 *
 * usage: npx tsx modern.ts [--steps 60] [--rounds 3]
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import {
  createGroup,
  createModel,
  learningRate,
  memoryBridge,
  nodePlace,
  openDataset,
  openDevice,
  Parameters,
  Replica,
  type TensorMap,
} from 'lockstep';
import run from '../examples/modern.ts';
import { findTorch, runTorch, torchWords } from './peers/torch-cpu.ts';

interface Taken {
  readonly losses: readonly number[];
  /** Of each step. */
  readonly ms: readonly number[];
}

/** How far the losses of a step may be apart, in nats: sums are rounded in another order, and the recipe is quick to enlarge that. */
const allowed = 0.02;
/** Steps that compile, and fill caches. */
const warmUp = 10;

const { values } = parseArgs({
  options: { steps: { type: 'string', default: '60' }, rounds: { type: 'string', default: '3' } },
});
const count = Number(values.steps);
const { batch, shards, seed, schedule, steps } = run;
const torch = await findTorch();
if ('missing' in torch) throw new Error(`modern: ${torch.missing}`);
const device = await openDevice();
const dataset = await openDataset(
  run.data,
  nodePlace({ from: fileURLToPath(new URL('../examples', import.meta.url)) }),
);
const batches = dataset.batches(run.model);
const rowsOf = (step: number, lo: number, hi: number) =>
  batches.batch({ step, seed, shard: lo, count: hi - lo, shards, batchSize: batch });
const rates = Array.from({ length: count }, (_, step) => learningRate(schedule, step, steps));

console.log(`${device.facts.description}
${torchWords(torch)}
${count} steps of ${batch} sequences of examples/modern.ts, vocabulary of ${dataset.facts.vocab}`);
const ratios: number[] = [];
for (let round = 0; round < Number(values.rounds); round++) {
  const [ours, theirs] = [await takeOurs(), await takeTheirs()];
  requireAlike(ours, theirs);
  const [own, peer] = [medianOf(ours.ms.slice(warmUp)), medianOf(theirs.ms.slice(warmUp))];
  ratios.push(own / peer);
  console.log(
    `round ${round + 1}: Lockstep ${own.toFixed(1)} ms a step, PyTorch ${peer.toFixed(1)} ms, ${(own / peer).toFixed(2)}×; last losses ${ours.losses.at(-1)!.toFixed(4)} and ${theirs.losses.at(-1)!.toFixed(4)}`,
  );
}
console.log(`median ${medianOf(ratios).toFixed(2)}× the time of PyTorch (goal: at most 1.2)`);
await device.close();
dataset.close();
process.exit(0);

async function takeOurs(): Promise<Taken> {
  const group = createGroup(memoryBridge(1).transports[0]!, { shards });
  const { model, loss, optimizer } = run;
  const shape = { batch, shards, inputs: batches.inputs };
  const replica = await Replica.create({ device, group, facts: dataset.facts, model, loss, optimizer, shape, seed });
  const [losses, ms]: [number[], number[]] = [[], []];
  for (const [step, rate] of rates.entries()) {
    const began = performance.now();
    const taken = await replica.step({
      step,
      seed,
      learningRate: rate,
      batch: ({ lo, hi }) => rowsOf(step, lo, hi),
      stop: false,
    });
    losses.push(taken.loss);
    ms.push(performance.now() - began);
  }
  return { losses, ms };
}

async function takeTheirs(): Promise<Taken> {
  const folder = await mkdtemp(join(tmpdir(), 'lockstep-modern-'));
  try {
    const weights = await initialWeights();
    const sizes = run.model as unknown as Record<'layers' | 'heads' | 'width' | 'context', number>;
    const shapes = Object.fromEntries(Array.from(weights, ([name, { shape }]) => [name, shape]));
    await writeFile(join(folder, 'problem.json'), JSON.stringify({ ...sizes, shapes, batch, rates }));
    await writeFile(
      join(folder, 'weights.bin'),
      Buffer.concat(Array.from(weights.values(), ({ data }) => bytesOf(data))),
    );
    for (const name of ['tokens', 'targets'])
      await writeFile(
        join(folder, `${name}.bin`),
        Buffer.concat(rates.map((_, step) => bytesOf(rowsOf(step, 0, shards)[name] as Uint32Array))),
      );
    return await runTorch<Taken>('torch_modern.py', folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function initialWeights(): Promise<TensorMap> {
  const parameters = new Parameters(device, createModel(run.model, dataset.facts));
  parameters.initialize(seed);
  return parameters.read();
}

function requireAlike(ours: Taken, theirs: Taken): void {
  const step = ours.losses.findIndex((loss, i) => !(Math.abs(loss - theirs.losses[i]!) < allowed));
  if (step >= 0)
    throw new Error(
      `modern: expected losses within ${allowed}, got ${ours.losses[step]} and ${theirs.losses[step]} in step ${step + 1}`,
    );
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array | Uint32Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

function medianOf(all: readonly number[]): number {
  const sorted = all.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)]!;
}
