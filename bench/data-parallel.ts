/**
 * Times data-parallel training: one worker on one core beside two workers on a core each, over the hub that `lockstep train` uses.
 * The weights must be the same bits before a time is printed. The method is in README.md.
 *
 * usage: tsx data-parallel.ts [--size M] [--steps 20] [--rounds 3] [--bucket-bytes N] [--wire f32|bf16|int8] [--bridge auto|ws|ucx] [--shard]
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startHub } from 'lockstep/protocol';
import type { WorkerOrder, WorkerReport } from './data-parallel-worker.ts';
import { sizes, type SizeName } from './problem.ts';
import { machine, median } from './report.ts';

const token = 'bench';
const worker = fileURLToPath(new URL('data-parallel-worker.ts', import.meta.url));

/** What came of a job with some number of workers. */
interface Outcome {
  readonly hash: string;
  readonly adapter: string;
  readonly stepMs: number;
  /** Of the busiest worker. */
  readonly cpuMs: number;
  readonly computeMs: number;
  readonly waitMs: number;
  readonly updateMs: number;
}

const { values } = parseArgs({
  options: {
    size: { type: 'string', default: 'M' },
    steps: { type: 'string', default: '20' },
    rounds: { type: 'string', default: '3' },
    'bucket-bytes': { type: 'string' },
    wire: { type: 'string', default: 'f32' },
    bridge: { type: 'string', default: 'auto' },
    shard: { type: 'boolean', default: false },
  },
});
const size = values.size as SizeName;
const order: WorkerOrder = {
  size,
  steps: Number(values.steps),
  wire: values.wire as WorkerOrder['wire'],
  shard: values.shard,
  ...(values['bucket-bytes'] !== undefined && { bucketBytes: Number(values['bucket-bytes']) }),
};
/** Above this load of the machine, times are noise; see README.md. */
const quiet = 0.3;
const host = machine();
const rounds: { one: Outcome; two: Outcome }[] = [];
for (let round = 0; round < Number(values.rounds); round++) {
  // One after the other and close together, for the machine's speed drifts.
  const one = await runJob(1);
  const two = await runJob(2);
  if (one.hash !== two.hash)
    throw new Error(`data-parallel: expected the same weights, got ${one.hash} and ${two.hash}; no time is printed`);
  rounds.push({ one, two });
}
print();

/** Starts workers, each on a core of its own, and waits for what they report. */
async function runJob(workers: number): Promise<Outcome> {
  const hub = await startHub({ size: workers, token });
  try {
    const reports = await Promise.all(Array.from({ length: workers }, (_, core) => runWorker(hub.url, core)));
    const strangers = new Set(reports.map(({ hash }) => hash));
    if (strangers.size > 1)
      throw new Error(`data-parallel: expected workers with the same weights, got ${[...strangers].join()}`);
    const of = (key: 'stepMs' | 'cpuMs' | 'computeMs' | 'waitMs' | 'updateMs'): number =>
      Math.max(...reports.map((report) => median(report.steps.map((step) => step[key]))));
    const { hash, adapter } = reports[0]!;
    return {
      hash,
      adapter,
      stepMs: of('stepMs'),
      cpuMs: of('cpuMs'),
      computeMs: of('computeMs'),
      waitMs: of('waitMs'),
      updateMs: of('updateMs'),
    };
  } finally {
    await hub.close();
  }
}

function runWorker(hub: string, core: number): Promise<WorkerReport> {
  const meeting = { LOCKSTEP_HUB: hub, LOCKSTEP_TOKEN: token, LOCKSTEP_BRIDGE: values.bridge };
  const args = ['-c', `${core}`, process.execPath, ...process.execArgv, worker, JSON.stringify(order)];
  const child = spawn('taskset', args, {
    env: { ...process.env, ...meeting, LOCKSTEP_NAME: `worker-${core}`, LP_NUM_THREADS: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (part: Buffer) => (stdout += part.toString()));
  child.stderr.on('data', (part: Buffer) => (stderr += part.toString()));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve(JSON.parse(stdout.trimEnd().split('\n').at(-1)!) as WorkerReport);
      else
        reject(
          new Error(
            `data-parallel: worker ${core} ended with ${code}\n${stderr.trimEnd().split('\n').slice(-20).join('\n')}`,
          ),
        );
    });
  });
}

function print(): void {
  const { batch, context } = sizes[size];
  const tokens = (ms: number): string => Math.round((1000 * batch * context) / ms).toLocaleString('en');
  const ms = (value: number): string => value.toFixed(1);
  const share = ({ waitMs, stepMs }: Outcome): string => `${((100 * waitMs) / stepMs).toFixed(1)} %`;
  const row = (name: string, outcome: Outcome): string =>
    `| ${[name, ms(outcome.stepMs), tokens(outcome.stepMs), ms(outcome.computeMs), ms(outcome.waitMs), ms(outcome.updateMs), share(outcome), ms(outcome.cpuMs)].join(' | ')} |`;
  console.log(`
Size ${size}, bridge ${values.bridge}, wire ${order.wire}${order.shard ? ', sharded' : ''}, buckets ${order.bucketBytes ?? 'by default'}, ${order.steps} steps
${host.cpu}, ${host.cores} cores, Node ${host.node}, load ${host.load.toFixed(2)} before
${rounds[0]!.one.adapter}
weights of all agree: sha256 ${rounds[0]!.one.hash}

| workers | ms per step | tokens/s | compute | wait | update | share that waits | CPU of a worker |
|--|--:|--:|--:|--:|--:|--:|--:|`);
  for (const { one, two } of rounds) console.log(`${row('1', one)}\n${row('2', two)}`);
  const gains = rounds.map(({ one, two }) => one.stepMs / two.stepMs);
  console.log(
    `\n2 workers over 1: ${gains.map((gain) => `${gain.toFixed(2)}×`).join(', ')}; median ${median(gains).toFixed(2)}×`,
  );
  if (host.load > quiet) console.log(`load above ${quiet} before: these times are noise; CPU times vary less`);
}
