// A job from its start to its end: the hub, the workers' processes, what they report, and how it all stops. What is shown
// is progress.ts and summary.ts, what is written is run-recorder.ts and, by rank 0, the worker.
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ProtocolError, type TraceSpan } from '@lockstep/collectives';
import { continuedBy, runPaths, storedSettings } from '@lockstep/trainer/node';
import { judge, type LaunchResult } from './outcome.ts';
import { jobOf } from './job-of.ts';
import { type RunResult, type TrainReport, TrainReports } from '../hub/train-reports.ts';
import { type LaunchPlan, namesFile } from './plan-launch.ts';
import { printableLine } from '../console/printable.ts';
import { createProgress, type Progress } from '../console/progress.ts';
import { readFacts, withPrompt } from './read-facts.ts';
import { InterruptedWorkError } from '../console/report-error.ts';
import { requireBridge } from '../job/require-bridge.ts';
import { RunFolder } from './run-folder.ts';
import { RunRecorder } from './run-recorder.ts';
import { onStopSignal, signalCode, signalOf } from './stop-signals.ts';
import {
  adapterLine,
  bridgeLine,
  endLines,
  planLines,
  resumeLines,
  type RunFacts,
  sampleLines,
} from '../console/summary.ts';
import { isSystemError } from '../console/system-error.ts';
import { say } from '../console/say.ts';
import { Throughput } from './throughput.ts';
import { TraceFile } from '../trace/trace-file.ts';
import { versions } from '../job/versions.ts';
import { type LastWords, WorkerError } from '../job/worker-failure.ts';
import { Supervisor } from './supervisor.ts';
import type { WorkerExit, WorkerLine } from './worker-processes.ts';

/** What its workers execute. */
const trainWorker = fileURLToPath(new URL('../job/train-worker.js', import.meta.url));
/** How long the others may take to end where a signal has ended one that had not begun. */
const graceMs = 3_000;
/** How long a worker may take to end after the run has. */
const endingMs = 15_000;
/** The exit code after a second Ctrl-C, which shells give to whatever one has ended. */
const interrupted = 130;

/**
 * Trains as planned, and shows it on `stream`. Resolves with an exit code where a signal ended it before it had anything to save,
 * or at once.
 * @throws {ConfigError} for data or a port that cannot be had, or a trace that cannot be written.
 * @throws {WorkerError} when a worker fails.
 */
export async function launch(
  given: LaunchPlan,
  { stream }: { stream: NodeJS.WriteStream },
): Promise<LaunchResult | number> {
  const trace = given.trace === undefined ? undefined : TraceFile.open(given.trace);
  await requireBridge(given.bridge, { workers: given.workers, tls: given.tls !== undefined });
  const facts = await readFacts(given, stream);
  const plan = withPrompt(given, facts.prompt);
  const folder = await RunFolder.take(plan);
  try {
    return await new Launch(plan, { folder, facts, stream, trace }).run();
  } finally {
    folder.release();
  }
}

class Launch {
  readonly #plan: LaunchPlan;
  readonly #facts: RunFacts;
  readonly #folder: RunFolder;
  readonly #stream: NodeJS.WriteStream;
  readonly #trace: TraceFile | undefined;
  readonly #progress: Progress;
  readonly #throughput = new Throughput();
  readonly #began = performance.now();
  readonly #reports: TrainReports;
  #recorder!: RunRecorder;
  #supervisor: Supervisor | undefined;
  #adapter = '';
  /** The worker of rank 0, once it is ready. */
  #first: string | undefined;
  #result: RunResult | undefined;
  /** Step of the latest checkpoint. */
  #stored: number | undefined;
  /** Whether a step of this launch has been taken. */
  #begun = false;
  #stopping = false;
  /** The signal that asked for it, if it was one. */
  #asked: NodeJS.Signals | undefined;
  #interrupts = 0;
  #aborted = false;
  /** What went wrong in this process. */
  #failure: unknown;

  constructor(
    plan: LaunchPlan,
    {
      folder,
      facts,
      stream,
      trace,
    }: { folder: RunFolder; facts: RunFacts; stream: NodeJS.WriteStream; trace: TraceFile | undefined },
  ) {
    this.#plan = plan;
    this.#folder = folder;
    this.#facts = facts;
    this.#stream = stream;
    this.#trace = trace;
    this.#reports = new TrainReports({ fromStep: this.#fromStep, steps: plan.run.steps });
    this.#progress = createProgress({ stream, steps: plan.run.steps, unit: facts.unit, fromStep: this.#fromStep });
  }

  get #fromStep(): number {
    return this.#plan.resumed?.checkpoint?.step ?? 0;
  }

  async run(): Promise<LaunchResult | number> {
    onStopSignal((signal) => this.#heed(signal)); // for good: one that comes while all is being closed changes nothing
    this.#supervisor = await this.#openJob();
    try {
      this.#recorder = await this.#openRecorder();
      for (const line of planLines(this.#plan, this.#facts, this.#folder.root)) this.#progress.note(line);
      if (!this.#stopping) await this.#supervisor.work();
    } finally {
      this.#progress.end();
      await this.#supervisor.close();
    }
    await this.#close();
    return this.#conclude();
  }

  /** Ends the record. */
  async #close(): Promise<void> {
    try {
      this.#folder.clear();
      this.#trace?.close();
      await (this.#cameToNothing ? this.#recorder.discard() : this.#recorder.close({ drawn: !this.#aborted }));
    } catch (error) {
      this.#failure ??= error;
    }
  }

  /** Whether a signal ended it before a step was taken. */
  get #cameToNothing(): boolean {
    return this.#asked !== undefined && !this.#begun && !this.#result && !this.#culprit;
  }

  /** The worker that failed by itself; the others only lost it. */
  get #culprit(): WorkerExit | undefined {
    return this.#supervisor?.culprits[0];
  }

  #openJob(): Promise<Supervisor> {
    const { workers, gpus, cores, bridge, port, tls, file } = this.#plan;
    const work = jobOf(this.#plan, this.#facts, this.#folder.root);
    return Supervisor.open({
      assignment: { module: trainWorker, script: resolve(file), args: [], environment: {}, work },
      workers,
      gpus,
      cores,
      bridge,
      port,
      tls,
      onLine: (line) => this.#pass(line),
      onReport: (worker, value, rank) =>
        this.#attempt(() => this.#hear(worker, this.#reports.read(value, { worker, rank }))),
      onHeed: (signal) => this.#stop(signal),
      isFailure: (exit, words) => this.#isFailure(exit, words),
      log: (line) => this.#failure ?? this.#progress.note(printableLine(line)), // a job that ends has said why
    });
  }

  #openRecorder(): Promise<RunRecorder> {
    const { run, module, file, overrides, workers, resumed } = this.#plan;
    const launch = { at: new Date().toISOString(), workers, fromStep: this.#fromStep, versions: versions() };
    const launches = [...(resumed?.record.launches ?? []), launch];
    return RunRecorder.open(runPaths(this.#folder.root), {
      run: storedSettings(run),
      file,
      module: module.sha256,
      data: this.#facts.data.sha256,
      mathematics: this.#facts.mathematics,
      continues: resumed && continuedBy(run, resumed.record),
      overrides,
      launches,
    });
  }

  /** What the run's own code prints while it trains is shown once: all workers print alike. */
  #pass({ worker, stream, text }: WorkerLine): void {
    if (process.env['LOCKSTEP_DEBUG']) say(process.stderr, `[${worker}] ${text}`);
    else if (stream === 'stdout' && worker === this.#first) this.#progress.note(printableLine(text));
  }

  /** What fails here, such as a full disk, ends the job, with care: the workers may have room for a checkpoint. */
  #attempt(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#failure ??= error;
      if (!(error instanceof ProtocolError)) return this.#stopFor(error);
      this.#supervisor?.kill();
      throw error; // the hub ends the connection of who said it
    }
  }

  #hear(worker: string, message: TrainReport): void {
    switch (message.kind) {
      case 'ready':
        this.#first = worker;
        return this.#ready(message);
      case 'note':
        return this.#progress.note(printableLine(message.text));
      case 'spans':
        return this.#traceOn(worker, message.spans);
      case 'step':
        this.#begun = true;
        this.#throughput.add(message.metrics);
        this.#recorder.step(message.metrics);
        return this.#progress.step(message.metrics);
      case 'validation':
        this.#recorder.validation(message);
        return this.#progress.validation(message);
      case 'norms':
        return this.#recorder.norms(message);
      case 'sample':
        this.#recorder.sample(message);
        return this.#progress.note(sampleLines(message.step, message.text));
      case 'checkpoint':
        this.#stored = message.step;
        return;
      case 'done':
        this.#result = message;
        return this.#supervisor?.expectEnd(endingMs);
    }
  }

  #traceOn(worker: string, spans: readonly TraceSpan[]): void {
    const note = this.#trace?.add(worker, spans);
    if (note !== undefined) this.#progress.note(printableLine(note));
  }

  #ready({ adapter, families, bridge }: Extract<TrainReport, { kind: 'ready' }>): void {
    this.#adapter = adapter;
    this.#progress.note(adapterLine(adapter, families));
    if (this.#plan.workers > 1) this.#progress.note(bridgeLine(bridge));
    const before = this.#plan.resumed?.record.launches.at(-1)?.adapter;
    if (before !== undefined && before !== adapter)
      this.#progress.note(`note: it was trained on ${printableLine(before)} before; equal bits need the same adapter`);
    this.#recorder.adapter(adapter);
  }

  /**
   * Whether a worker that has ended has failed. One that a signal ended either had nothing to do any more, or had not begun; then it asks
   * all to stop.
   */
  #isFailure(exit: WorkerExit, words: LastWords | undefined): boolean {
    const signal = words ? undefined : signalOf(exit);
    if (!signal) return true;
    if (!this.#begun) this.#stopWithout(signal);
    return false;
  }

  #stopWithout(signal: NodeJS.Signals): void {
    this.#stop(signal);
    this.#supervisor?.expectEnd(graceMs);
  }

  /** Only a second Ctrl-C is impatience; batch systems and init systems repeat themselves. */
  #heed(signal: NodeJS.Signals): void {
    if (signal === 'SIGINT') this.#interrupts++;
    if (this.#interrupts > 2) process.exit(interrupted);
    if (this.#interrupts === 2) this.#abort();
    else this.#stop(signal);
  }

  #stop(signal?: NodeJS.Signals): void {
    if (this.#stopping) return;
    this.#stopping = true;
    this.#asked = signal;
    this.#progress.note('stopping after this step; Ctrl-C again stops at once, without a checkpoint');
    this.#supervisor?.stop(signal ?? 'SIGTERM');
    if (!this.#begun) this.#supervisor?.signal('SIGTERM'); // nothing is lost with one that does not listen
  }

  /** Says why before it says that it stops: what else there is to say comes at the end. */
  #stopFor(error: unknown): void {
    if (!this.#stopping) this.#progress.note(printableLine(new InterruptedWorkError(error).message.split('\n')[0]!));
    this.#stop();
  }

  #abort(): void {
    this.#aborted = true;
    this.#supervisor?.kill();
  }

  /** How it ended: with a result, or as the exit code says. */
  #conclude(): LaunchResult | number {
    const failure = this.#failure;
    if (failure !== undefined) return this.#fail(isSystemError(failure) ? new InterruptedWorkError(failure) : failure);
    if (this.#aborted) return this.#endEarly('stopped at once, without a checkpoint', interrupted);
    if (this.#cameToNothing) return this.#endEarly('stopped before the first step', signalCode(this.#asked!));
    const culprit = this.#culprit ?? this.#supervisor?.failures[0];
    if (culprit) return this.#fail(new WorkerError(culprit, this.#supervisor?.wordsOf(culprit)));
    if (!this.#result)
      return this.#fail(new Error('train: expected a result, got none: the workers ended without one'));
    return this.#succeed(this.#result);
  }

  #fail(error: unknown): never {
    this.#sayHowToResume();
    throw error;
  }

  #endEarly(text: string, code: number): number {
    say(this.#stream, text);
    this.#sayHowToResume();
    return code;
  }

  #succeed(result: RunResult): LaunchResult {
    const tokensPerSecond = this.#throughput.overall;
    const ms = performance.now() - this.#began;
    const ending = {
      ...this.#resumption,
      run: this.#plan.run,
      prompt: this.#facts.prompt,
      unit: this.#facts.unit,
      ms,
      tokensPerSecond,
    };
    const { run, overrides, workers } = this.#plan;
    const asExpected = judge(run, { result, overrides });
    say(this.#stream, `\n${endLines(result, { ...ending, asExpected }).join('\n')}`);
    return { ...result, tokensPerSecond, workers, adapter: this.#adapter, folder: this.#folder.root, asExpected };
  }

  /** What it takes to go on with this run. */
  get #resumption() {
    const { file, workers, overrides } = this.#plan;
    return { file, workers, paths: runPaths(this.#folder.root), ungiven: overrides.filter(namesFile) };
  }

  /** Where there is a checkpoint. */
  #sayHowToResume(): void {
    const step = this.#stored ?? this.#plan.resumed?.checkpoint?.step;
    if (step === undefined) return;
    say(this.#stream, resumeLines({ ...this.#resumption, step }).join('\n'));
  }
}
