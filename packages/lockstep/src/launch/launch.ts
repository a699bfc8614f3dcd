// A job from its start to its end: the hub, the workers' processes, what they report, and how it all stops. What is shown
// is progress.ts and summary.ts, what is written is run-recorder.ts and, by rank 0, the worker.
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { ProtocolError, type TraceSpan } from '@lockstep/collectives';
import { continuedBy, runPaths, storedSettings } from '@lockstep/trainer/node';
import { type Hub, startHub } from '../hub/hub.ts';
import { jobEnvironment } from '../job/job-environment.ts';
import { judge, type LaunchResult } from './outcome.ts';
import { jobOf } from './job-of.ts';
import { type LauncherMessage, type RunResult, type WorkerMessage, WorkerReports } from '../hub/messages.ts';
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
import { isConsequence, type LastWords, WorkerError } from '../job/worker-failure.ts';
import { type WorkerExit, type WorkerLine, WorkerProcesses } from './worker-processes.ts';

const command = fileURLToPath(new URL('../../bin/lockstep.js', import.meta.url));
/** A worker that fails because it lost another is given up on this much later, so that the other can tell why. */
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
  readonly #reports: WorkerReports;
  readonly #lastWords = new Map<string, LastWords>();
  readonly #failures: WorkerExit[] = [];
  #recorder!: RunRecorder;
  #hub: Hub | undefined;
  #workers: WorkerProcesses | undefined;
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
  #killed = false;
  #deadline: NodeJS.Timeout | undefined;

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
    this.#reports = new WorkerReports({ fromStep: this.#fromStep, steps: plan.run.steps });
    this.#progress = createProgress({ stream, steps: plan.run.steps, unit: facts.unit, fromStep: this.#fromStep });
  }

  get #fromStep(): number {
    return this.#plan.resumed?.checkpoint?.step ?? 0;
  }

  async run(): Promise<LaunchResult | number> {
    onStopSignal((signal) => this.#heed(signal)); // for good: one that comes while all is being closed changes nothing
    const token = randomBytes(32).toString('base64url');
    this.#hub = await this.#openHub(token);
    try {
      this.#recorder = await this.#openRecorder();
      for (const line of planLines(this.#plan, this.#facts, this.#folder.root)) this.#progress.note(line);
      if (!this.#stopping) await this.#work(token);
    } finally {
      this.#progress.end();
      await this.#hub?.close();
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
    return this.#failures.find(({ worker }) => !isConsequence(this.#lastWords.get(worker)));
  }

  #openHub(token: string): Promise<Hub> {
    const { workers, port, tls } = this.#plan;
    return startHub({
      size: workers,
      token,
      port,
      tls,
      welcome: jobOf(this.#plan, this.#facts, this.#folder.root),
      onMessage: (worker, value, rank) =>
        this.#attempt(() => this.#hear(worker, this.#reports.read(value, { worker, rank }))),
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

  /** Resolves when all workers have ended. */
  #work(token: string): Promise<void> {
    const { workers: count, gpus, cores, bridge } = this.#plan;
    return new Promise((resolve) => {
      let living = count;
      this.#workers = new WorkerProcesses({
        count,
        gpus,
        cores,
        command: (worker) => [command, 'worker', '--hub', this.#hub!.url, '--name', worker],
        token,
        env: () => jobEnvironment({ hub: this.#hub!, bridge, workers: count }),
        onLine: (line) => this.#pass(line),
        onEnd: (exit) => {
          this.#see(exit);
          if (--living === 0) resolve();
        },
      });
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
      this.#kill();
      throw error; // the hub ends the connection of who said it
    }
  }

  #hear(worker: string, message: WorkerMessage): void {
    switch (message.kind) {
      case 'ready':
        this.#first = worker;
        return this.#ready(message);
      case 'note':
        return this.#progress.note(printableLine(message.text));
      case 'spans':
        return this.#traceOn(worker, message.spans);
      case 'stop':
        return this.#stop(message.signal);
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
        return this.#expectEnd(endingMs);
      case 'failed':
        this.#lastWords.set(worker, message);
    }
  }

  #traceOn(worker: string, spans: readonly TraceSpan[]): void {
    const note = this.#trace?.add(worker, spans);
    if (note !== undefined) this.#progress.note(printableLine(note));
  }

  #ready({ adapter, families, bridge }: Extract<WorkerMessage, { kind: 'ready' }>): void {
    this.#adapter = adapter;
    this.#progress.note(adapterLine(adapter, families));
    if (this.#plan.workers > 1) this.#progress.note(bridgeLine(bridge));
    const before = this.#plan.resumed?.record.launches.at(-1)?.adapter;
    if (before !== undefined && before !== adapter)
      this.#progress.note(`note: it was trained on ${printableLine(before)} before; equal bits need the same adapter`);
    this.#recorder.adapter(adapter);
  }

  /**
   * A worker has ended. The first that failed by itself ends the others. One that a signal ended either had nothing to do any
   * more, or had not begun; then it asks all to stop.
   */
  #see(exit: WorkerExit): void {
    if (this.#killed || exit.code === 0) return;
    const said = this.#lastWords.get(exit.worker);
    const signal = said ? undefined : signalOf(exit);
    if (signal) return this.#begun ? undefined : this.#stopWithout(signal);
    this.#failures.push(exit);
    if (isConsequence(said)) this.#expectEnd(graceMs);
    else this.#kill();
  }

  #stopWithout(signal: NodeJS.Signals): void {
    this.#stop(signal);
    this.#expectEnd(graceMs);
  }

  #expectEnd(ms: number): void {
    this.#deadline ??= setTimeout(() => this.#kill(), ms).unref();
  }

  #kill(): void {
    this.#killed = true;
    this.#workers?.kill(); // an interrupt may come before they are started
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
    this.#hub?.broadcast({ kind: 'stop' } satisfies LauncherMessage);
    if (!this.#begun) this.#workers?.kill('SIGTERM'); // some may not have reached the hub
  }

  /** Says why before it says that it stops: what else there is to say comes at the end. */
  #stopFor(error: unknown): void {
    if (!this.#stopping) this.#progress.note(printableLine(new InterruptedWorkError(error).message.split('\n')[0]!));
    this.#stop();
  }

  #abort(): void {
    this.#aborted = true;
    this.#kill();
  }

  /** How it ended: with a result, or as the exit code says. */
  #conclude(): LaunchResult | number {
    clearTimeout(this.#deadline);
    const failure = this.#failure;
    if (failure !== undefined) return this.#fail(isSystemError(failure) ? new InterruptedWorkError(failure) : failure);
    if (this.#aborted) return this.#endEarly('stopped at once, without a checkpoint', interrupted);
    if (this.#cameToNothing) return this.#endEarly('stopped before the first step', signalCode(this.#asked!));
    const culprit = this.#culprit ?? this.#failures[0];
    if (culprit) return this.#fail(new WorkerError(culprit, this.#lastWords.get(culprit.worker)));
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
