/**
 * One worker of data-parallel.ts: joins the hub, takes the steps, prints one JSON line.
 *
 * usage: LOCKSTEP_HUB=… LOCKSTEP_TOKEN=… tsx data-parallel-worker.ts '{"size":"M","steps":20,"wire":"f32","shard":false}'
 */
import {
  adamW,
  type BatchSource,
  gpt,
  join,
  openDevice,
  Replica,
  type StepResult,
  weightsSha256,
  type WireFormat,
} from 'lockstep';
import { makeProblem, modelOf, sizes, type SizeName } from './problem.ts';

export interface WorkerOrder {
  readonly size: SizeName;
  readonly steps: number;
  readonly wire: WireFormat;
  readonly shard: boolean;
  readonly bucketBytes?: number;
}

export interface WorkerReport {
  readonly hash: string;
  readonly adapter: string;
  readonly steps: readonly (Pick<StepResult, 'computeMs' | 'waitMs' | 'updateMs'> & {
    readonly stepMs: number;
    /** CPU time of this process, its adapter's included where that is on the CPU. */
    readonly cpuMs: number;
  })[];
}

/** Steps that compile, and fill caches. */
const warmUp = 3;

console.log(JSON.stringify(await work(JSON.parse(process.argv[2]!) as WorkerOrder)));
process.exit(0);

async function work({ size, steps: count, wire, shard, bucketBytes }: WorkerOrder): Promise<WorkerReport> {
  const device = await openDevice();
  const config = sizes[size];
  const shards = Math.min(8, config.batch);
  const spec = { shape: [config.context], dtype: 'u32' } as const;
  const group = await join({ shards });
  const replica = await Replica.create({
    device,
    group,
    model: gpt(modelOf(config)),
    facts: { vocab: config.vocab },
    optimizer: adamW({ shard }),
    shape: { batch: config.batch, shards, inputs: { tokens: spec, targets: spec } },
    seed: 1,
    wire,
    bucketBytes,
  });
  const batch = batchOf(size, shards);
  const steps: WorkerReport['steps'][number][] = [];
  for (let step = 0; step < warmUp + count; step++) {
    const began = performance.now();
    const before = process.cpuUsage();
    const { computeMs, waitMs, updateMs } = await replica.step({
      step,
      seed: 1,
      learningRate: 1e-3,
      batch,
      stop: false,
    });
    const { user, system } = process.cpuUsage(before);
    const stepMs = performance.now() - began;
    steps.push({ stepMs, cpuMs: (user + system) / 1000, computeMs, waitMs, updateMs });
  }
  const { weights } = await replica.state(warmUp + count);
  const report = { hash: await weightsSha256(weights), adapter: device.facts.description, steps: steps.slice(warmUp) };
  await group.close();
  await group.close();
  return report;
}

/** The same global batch at every step, of which a worker takes its shards. */
function batchOf(size: SizeName, shards: number): BatchSource {
  const { tokens, targets } = makeProblem(sizes[size]);
  const perShard = tokens.length / shards;
  const part = (all: Int32Array, lo: number, hi: number): Uint32Array<ArrayBuffer> =>
    Uint32Array.from(all.subarray(lo * perShard, hi * perShard));
  return ({ lo, hi }) => ({ tokens: part(tokens, lo, hi), targets: part(targets, lo, hi) });
}
