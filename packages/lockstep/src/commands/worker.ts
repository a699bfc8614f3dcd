// `lockstep worker`: one process of a job. It joins the hub, opens its device, and takes part until the run ends. Rank 0
// also writes what holds weights (checkpoints, the model); the rest is written by the launcher, from what rank 0 reports.
import { PeerLostError } from '@lockstep/collectives';
import type { Session } from '@lockstep/collectives';
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
import { meetingFromEnvironment } from '../job/job-environment.ts';
import { runOf } from '../load/load-run.ts';
import {
  failureMessage,
  type Job,
  jobSchema,
  readLauncherMessage,
  readyMessage,
  sampleMessage,
  type WorkerMessage,
} from '../hub/messages.ts';
import { type JoinedJob, joinMeeting } from '../job/open-group.ts';
import { endWith, goOnUnread } from '../console/output.ts';
import { exitCodeOf, InterruptedWorkError, reportError } from '../console/report-error.ts';
import { say } from '../console/say.ts';
import { onStopSignal, signalCode } from '../launch/stop-signals.ts';
import { isSystemError } from '../console/system-error.ts';
import { adapterMemory } from '../job/adapter-memory.ts';
import { formatByteSize } from '../console/byte-size.ts';
import { dumpKernels } from '../job/dump-kernels.ts';
import { TraceSender } from '../trace/trace-sender.ts';

/** Peers wait for rank 0 while it writes a checkpoint or a sample. A peer that dies is noticed by its connection, not by this. */
const groupTimeoutMs = 600_000;

const mixedAdaptersNote =
  'note: the workers’ adapters differ, so each updates a slice of the weights for all; other workers would give other bits';

export async function workerCommand({ hub: url, name }: { hub: string; name?: string }): Promise<void> {
  goOnUnread();
  const meeting = meetingFromEnvironment('worker', url)!;
  const job = await joinMeeting(meeting, {
    ...(name !== undefined && { name }),
    log: (line) => say(process.stderr, line),
  });
  const { session } = job;
  try {
    await Promise.race([work(job, new StopRequest(session)), hubLoss(session)]);
    await job.close();
    await endWith(0);
  } catch (error) {
    await giveUp(session, isSystemError(error) ? new InterruptedWorkError(error) : error);
  }
}

/** Whether this worker has been asked to stop, by a signal or by the launcher. Before the group is opened it simply ends. */
class StopRequest {
  isMade = false;
  #hasBegun = false;

  constructor(session: Session) {
    onStopSignal((signal) => {
      const isFirst = !this.isMade;
      this.#heed(signal);
      if (isFirst) tell(session, { kind: 'stop', signal });
    });
    session.onMessage((value) => {
      readLauncherMessage(value);
      this.#heed('SIGTERM');
    });
  }

  /** From now on a stop comes after a step, with something to save. */
  begin(): void {
    this.#hasBegun = true;
  }

  #heed(signal: NodeJS.Signals): void {
    if (!this.#hasBegun) process.exit(signalCode(signal));
    this.isMade = true;
  }
}

/** Rejects when the hub is gone: a worker does not outlive its job. */
async function hubLoss(session: Session): Promise<void> {
  const error = await session.ended;
  throw error ?? new PeerLostError('hub');
}

/** Tells the launcher what went wrong, and ends this process without waiting for what it still computes. */
async function giveUp(session: Session, error: unknown): Promise<never> {
  reportError(error);
  try {
    tell(session, failureMessage(error));
    await session.close();
  } catch {
    // The hub may be what is lost.
  }
  process.exit(exitCodeOf(error));
}

async function work(joined: JoinedJob, stop: StopRequest): Promise<void> {
  const { session } = joined;
  const job = jobSchema.parse(session.welcome);
  process.umask(umaskOf(shareOf(job.root)));
  if (job.dumpKernels !== undefined && session.rank === 0) await dumpKernels(job.dumpKernels);
  const run = overrideRun(await runOf(job.module), job.overrides);
  const device = await openDevice();
  const dataset = await openDataset(run.data, preparedPlace(job.data));
  await requireAsLaunched(run, dataset, job);
  const model = createModel(run.model, dataset.facts);
  const card: ModelCard = { config: model.config(), tokenizer: dataset.tokenizer };
  const sender = job.trace
    ? await TraceSender.open(session, (spans) => tell(session, { kind: 'spans', spans }))
    : undefined;
  // Nobody's group is open before all have come this far: once one is ready, all take a step and save it.
  stop.begin();
  const { group, choice } = await joined.openGroup({
    shards: run.shards,
    timeoutMs: groupTimeoutMs,
    ...(sender && { trace: sender.trace }),
  });
  const { checkpoint } = job;
  const start = checkpoint && (await loadCheckpoint(checkpoint.path, { run: checkpoint.hashes }));
  const isFirst = session.rank === 0;
  if (isFirst) {
    const { facts, families } = device;
    tell(session, readyMessage({ adapter: facts.description, families: { ...families }, bridge: choice }));
  }
  const { isCpu } = device.facts;
  const memory = await adapterMemory({ isCpu, workers: group.size, asked: job.memoryBytes });
  if (isFirst && memory.isAssumed)
    tell(session, { kind: 'note', text: `memory  ${formatByteSize(memory.bytes)} ${memory.source}` });
  const events = isFirst ? reporting(session, { run, job, card }) : {};
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
    stop: () => stop.isMade,
    ...events,
  });
  sender?.flush();
  if (isFirst) {
    requireOwnRun(job.root);
    if (!result.stopped) await saveModel(runPaths(job.root).model, card, state.used ?? state.weights);
    tell(session, { kind: 'done', steps: state.step, ...result });
  }
  await group.close();
  dataset.close();
  await device.close();
}

/** @throws {ConfigError} where this worker reads other rows, or would compute something else, than the launcher. */
async function requireAsLaunched(run: Run, dataset: Dataset, { rows: known, mathematics }: Job): Promise<void> {
  const rows = await sampleRows(run, dataset);
  requireSameRows(dataset, { known, own: rows });
  const part = otherPart(mathematics, await mathematicsOf({ run, dataset, rows }, { again: false }));
  if (part === undefined) return;
  throw new ConfigError(
    `${run.name}: expected the ${part} that the launcher has recorded, got another on a worker\nhint: a run is the same in every process: no random numbers, clocks or environment decide what it computes`,
  );
}

/** @throws {CheckpointError} where the files are not what the launcher read. */
async function startingWeights(model: Model, { sha256, ...from }: NonNullable<Job['weights']>): Promise<TensorMap> {
  const found = await readStartingWeights(model.parameters, from);
  if (found.sha256 === sha256) return found.weights;
  throw new CheckpointError(
    `from: expected the weights that the launcher found in ${from.folder}, got others: somebody has written there since`,
  );
}

const tell = (session: Session, message: WorkerMessage): void => session.send(message);

function reporting(session: Session, { run, job, card }: { run: Run; job: Job; card: ModelCard }): TrainEvents {
  const options = { run: runHash(run), model: card, keep: run.checkpoint.keep };
  return {
    onStart: ({ mixedAdapters }) => {
      if (mixedAdapters) tell(session, { kind: 'note', text: mixedAdaptersNote });
    },
    onStep: (metrics) => tell(session, { kind: 'step', metrics }),
    onValidation: (result) => tell(session, { kind: 'validation', ...result }),
    onNorms: (result) => tell(session, { kind: 'norms', ...result }),
    onStepEnd: (step) => run.onStep?.(step),
    onSample: (result) => tell(session, sampleMessage(result)),
    onCheckpoint: async (state) => {
      requireOwnRun(job.root);
      await saveCheckpoint(runPaths(job.root).checkpoints, state, options);
      tell(session, { kind: 'checkpoint', step: state.step });
    },
  };
}
