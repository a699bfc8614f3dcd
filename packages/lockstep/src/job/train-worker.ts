// What the workers of a training job execute, in the place of a script: they open their devices, become a group, and take part until the
// run ends. Rank 0 also writes what holds weights (checkpoints, the model); the rest is written by the launcher, from what it reports.
import type { Seat } from '@lockstep/collectives';
import { CheckpointError, createModel, type Model, type TensorMap } from '@lockstep/nn';
import { openDevice } from '@lockstep/tensor/node';
import {
  ConfigError,
  type Dataset,
  mathematicsOf,
  openDataset,
  otherPart,
  overrideRun,
  requireSameRows,
  type Run,
  sampleRows,
  type TrainEvents,
  trainOn,
} from '@lockstep/trainer';
import {
  loadCheckpoint,
  type ModelCard,
  preparedPlace,
  readStartingWeights,
  requireOwnRun,
  runHash,
  runPaths,
  saveCheckpoint,
  saveModel,
  shareOf,
  umaskOf,
} from '@lockstep/trainer/node';
import { formatByteSize } from '../console/byte-size.ts';
import { endWith } from '../console/output.ts';
import { InterruptedWorkError } from '../console/report-error.ts';
import { isSystemError } from '../console/system-error.ts';
import { readyMessage, sampleMessage, type TrainJob, trainJobSchema, type TrainReport } from '../hub/train-reports.ts';
import { stopSignals } from '../launch/stop-signals.ts';
import { runOf } from '../load/load-run.ts';
import { TraceSender } from '../trace/trace-sender.ts';
import { adapterMemory } from './adapter-memory.ts';
import { assignmentSchema } from './assignment.ts';
import { dumpKernels } from './dump-kernels.ts';
import { joinJob } from './join.ts';
import { seatOfJob } from './seat.ts';

/** Peers wait for rank 0 while it writes a checkpoint or a sample. A peer that dies is noticed by its connection, not by this. */
const groupTimeoutMs = 600_000;

const mixedAdaptersNote =
  'note: the workers’ adapters differ, so each updates a slice of the weights for all; other workers would give other bits';

const taken = (await seatOfJob('train'))!;
try {
  const { work: job } = assignmentSchema.parse(taken.seat.welcome);
  await work(taken.seat, trainJobSchema.parse(job));
} catch (error) {
  throw isSystemError(error) ? new InterruptedWorkError(error) : error;
}
await taken.leave();
await endWith(0);

async function work(seat: Seat, job: TrainJob): Promise<void> {
  process.umask(umaskOf(shareOf(job.root)));
  const run = overrideRun(await runOf(job.module), job.overrides);
  const device = await openDevice();
  const dataset = await openDataset(run.data, preparedPlace(job.data));
  await requireAsLaunched(run, dataset, job);
  const model = createModel(run.model, dataset.facts);
  const card: ModelCard = { config: model.config(), tokenizer: dataset.tokenizer };
  const sender = job.trace ? await TraceSender.open(seat, (spans) => tell(seat, { kind: 'spans', spans })) : undefined;
  // Nobody's group is open before all have come this far: once one is ready, all take a step and save it.
  const stop = listenForStop();
  const { group, choice } = await joinJob({
    shards: run.shards,
    timeoutMs: groupTimeoutMs,
    comeWithinMs: groupTimeoutMs,
    ...(sender && { trace: sender.trace }),
  });
  const { checkpoint } = job;
  const start = checkpoint && (await loadCheckpoint(checkpoint.path, { run: checkpoint.hashes }));
  const isFirst = group.rank === 0;
  if (isFirst) {
    const { facts, families } = device;
    tell(seat, readyMessage({ adapter: facts.description, families: { ...families }, bridge: choice! }));
    if (job.dumpKernels !== undefined) await dumpKernels(job.dumpKernels);
  }
  const { isCpu } = device.facts;
  const memory = await adapterMemory({ isCpu, workers: group.size, asked: job.memoryBytes });
  if (isFirst && memory.isAssumed)
    tell(seat, { kind: 'note', text: `memory  ${formatByteSize(memory.bytes)} ${memory.source}` });
  const events = isFirst ? reporting(seat, { run, job, card }) : {};
  const { bucketBytes } = job;
  const { state, ...result } = await trainOn(run, {
    device,
    group,
    dataset,
    start,
    weights: start || !job.weights ? undefined : await startingWeights(model, job.weights),
    bucketBytes,
    memoryBytes: memory.bytes,
    trace: sender?.trace,
    stop,
    ...events,
  });
  sender?.flush();
  if (isFirst) {
    requireOwnRun(job.root);
    if (!result.stopped) await saveModel(runPaths(job.root).model, card, state.used ?? state.weights);
    tell(seat, { kind: 'done', steps: state.step, ...result });
  }
  await group.close();
  dataset.close();
  await device.close();
}

/** Whether this worker has been asked to stop since; it ends after a step then, with something to save. */
function listenForStop(): () => boolean {
  let isAsked = false;
  for (const signal of stopSignals) process.on(signal, () => void (isAsked = true));
  return () => isAsked;
}

/** @throws {ConfigError} where this worker reads other rows, or would compute something else, than the launcher. */
async function requireAsLaunched(run: Run, dataset: Dataset, { rows: known, mathematics }: TrainJob): Promise<void> {
  const rows = await sampleRows(run, dataset);
  requireSameRows(dataset, { known, own: rows });
  const part = otherPart(mathematics, await mathematicsOf({ run, dataset, rows }, { again: false }));
  if (part === undefined) return;
  throw new ConfigError(
    `${run.name}: expected the ${part} that the launcher has recorded, got another on a worker\nhint: a run is the same in every process: no random numbers, clocks or environment decide what it computes`,
  );
}

/** @throws {CheckpointError} where the files are not what the launcher read. */
async function startingWeights(
  model: Model,
  { sha256, ...from }: NonNullable<TrainJob['weights']>,
): Promise<TensorMap> {
  const found = await readStartingWeights(model.parameters, from);
  if (found.sha256 === sha256) return found.weights;
  throw new CheckpointError(
    `from: expected the weights that the launcher found in ${from.folder}, got others: somebody has written there since`,
  );
}

function tell(seat: Seat, report: TrainReport): void {
  seat.send(report);
}

function reporting(seat: Seat, { run, job, card }: { run: Run; job: TrainJob; card: ModelCard }): TrainEvents {
  const options = { run: runHash(run), model: card, keep: run.checkpoint.keep };
  return {
    onStart: ({ mixedAdapters }) => {
      if (mixedAdapters) tell(seat, { kind: 'note', text: mixedAdaptersNote });
    },
    onStep: (metrics) => tell(seat, { kind: 'step', metrics }),
    onValidation: (result) => tell(seat, { kind: 'validation', ...result }),
    onNorms: (result) => tell(seat, { kind: 'norms', ...result }),
    onStepEnd: (step) => run.onStep?.(step),
    onSample: (result) => tell(seat, sampleMessage(result)),
    onCheckpoint: async (state) => {
      requireOwnRun(job.root);
      await saveCheckpoint(runPaths(job.root).checkpoints, state, options);
      tell(seat, { kind: 'checkpoint', step: state.step });
    },
  };
}
