// A job from its start to its end: the hub, the workers' processes, what they report, and how it all stops. What is shown
// is progress.ts and summary.ts, what is written is run-recorder.ts and, by rank 0, the worker.
import { randomBytes } from 'node:crypto';
import { rmdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { createModel } from '@lockstep/nn';
import { sizeOf } from '@lockstep/tensor';
import { ConfigError, type Dataset, type Run } from '@lockstep/trainer';
import { claimExactly, claimRunDirectory, lockRun, prepareText, runPaths } from '@lockstep/trainer/node';
import { type Hub, startHub } from './hub.ts';
import { onInterrupt } from './interrupts.ts';
import { jobEnvironment } from './job-environment.ts';
import type { Job, LauncherMessage, RunResult, WorkerMessage } from './messages.ts';
import { folderOf, type LaunchPlan, runsFolder } from './plan-launch.ts';
import { createProgress, type Progress } from './progress.ts';
import { requireBridge } from './require-bridge.ts';
import { RunRecorder } from './run-recorder.ts';
import { adapterLine, bridgeLine, endLines, planLines, resumeLine, type RunFacts, sampleLines } from './summary.ts';
import { Throughput } from './throughput.ts';
import { TraceFile } from './trace-file.ts';
import { versions } from './versions.ts';
import { isConsequence, type LastWords, WorkerError } from './worker-failure.ts';
import { type WorkerExit, WorkerProcesses } from './worker-processes.ts';

/** What comes of a job. */
export interface LaunchResult extends RunResult {
  readonly tokensPerSecond: number;
  readonly workers: number;
  readonly adapter: string;
}

const command = fileURLToPath(new URL('../bin/lockstep.js', import.meta.url));
/** A worker that fails because it lost another is given up on this much later, so that the other can tell why. */
const graceMs = 3_000;
/** How long a worker may take to end after the run has. */
const endingMs = 15_000;

/**
 * Trains as planned, and shows it on `stream`.
 * @throws {ConfigError} for data or a port that cannot be had, or a trace that cannot be written.
 * @throws {WorkerError} when a worker fails.
 */
export async function launch(plan: LaunchPlan, { stream }: { stream: NodeJS.WriteStream }): Promise<LaunchResult> {
  const trace = plan.trace === undefined ? undefined : TraceFile.open(plan.trace);
  await requireBridge(plan.bridge, { workers: plan.workers, tls: plan.tls !== undefined });
  const facts = await readFacts(plan);
  const root =
    plan.resumed?.root ??
    (await (plan.out === undefined ? claimRunDirectory(runsFolder, plan.run.name) : claimExactly(plan.out)));
  const unlock = await lockRun(root);
  try {
    return await new Launch(plan, { root, facts, stream, trace }).run();
  } finally {
    unlock();
    await rmdir(root).catch(() => undefined); // where nothing has been written
  }
}

/** Tokenises the text, for the workers to find it done, and sizes the model. */
async function readFacts({ run, file }: LaunchPlan): Promise<RunFacts> {
  const dataset = await prepareText(run.data, { from: folderOf(file) });
  dataset.requireContext(run.model.context);
  requirePrompt(run.sample, dataset);
  const { parameters } = createModel(run.model, { vocab: dataset.vocabSize });
  const { vocabSize: vocab, trainTokens, validationTokens } = dataset;
  dataset.close();
  return {
    parameters: parameters.reduce((sum, { shape }) => sum + sizeOf(shape), 0),
    vocab,
    trainTokens,
    validationTokens,
  };
}

/** A prompt that the text has no tokens for would end the run at its first sample. */
function requirePrompt({ every, prompt }: Run['sample'], { tokenizer, name }: Dataset): void {
  if (every === 0) return;
  try {
    if (tokenizer.encode(prompt).length > 0) return;
  } catch {
    // It is refused below, by the name of the setting.
  }
  throw new ConfigError(
    `train: expected a sample.prompt in the characters of ${name}, got ${JSON.stringify(prompt)}\nhint: --set sample.prompt=…, or sample.every=0 for no samples`,
  );
}

class Launch {
  readonly #plan: LaunchPlan;
  readonly #facts: RunFacts;
  readonly #root: string;
  readonly #stream: NodeJS.WriteStream;
  readonly #trace: TraceFile | undefined;
  readonly #progress: Progress;
  readonly #throughput = new Throughput();
  readonly #began = performance.now();
  readonly #lastWords = new Map<string, LastWords>();
  readonly #failures: WorkerExit[] = [];
  #recorder!: RunRecorder;
  #hub!: Hub;
  #workers: WorkerProcesses | undefined;
  #adapter = '';
  #result: RunResult | undefined;
  /** Step of the latest checkpoint of this launch. */
  #stored: number | undefined;
  #stopping = false;
  /** What went wrong in this process. */
  #mishap: unknown;
  #killed = false;
  #deadline: NodeJS.Timeout | undefined;

  constructor(
    plan: LaunchPlan,
    {
      root,
      facts,
      stream,
      trace,
    }: { root: string; facts: RunFacts; stream: NodeJS.WriteStream; trace: TraceFile | undefined },
  ) {
    this.#plan = plan;
    this.#root = root;
    this.#facts = facts;
    this.#stream = stream;
    this.#trace = trace;
    this.#progress = createProgress({ stream, steps: plan.run.steps, fromStep: this.#fromStep });
  }

  get #fromStep(): number {
    return this.#plan.resumed?.checkpoint?.step ?? 0;
  }

  async run(): Promise<LaunchResult> {
    const token = randomBytes(32).toString('base64url');
    this.#hub = await this.#openHub(token);
    const ignore = onInterrupt({ first: () => this.#stop(), second: () => this.#abort() });
    try {
      this.#recorder = await this.#openRecorder();
      for (const line of planLines(this.#plan, this.#facts, this.#root)) this.#progress.note(line);
      await this.#work(token);
    } finally {
      ignore();
      this.#progress.end();
      await this.#hub.close();
      await this.#recorder?.close();
      this.#trace?.close();
    }
    return this.#conclude();
  }

  #openHub(token: string): Promise<Hub> {
    const { run, file, workers, port, tls, resumed, bucketBytes, trace } = this.#plan;
    const checkpoint = resumed?.checkpoint?.path;
    const job: Job = {
      run,
      from: folderOf(file),
      root: this.#root,
      checkpoint,
      bucketBytes,
      trace: trace !== undefined,
    };
    return startHub({
      size: workers,
      token,
      port,
      tls,
      welcome: job,
      onMessage: (worker, value) => this.#attempt(() => this.#hear(worker, value as WorkerMessage)),
      log: (line) => this.#progress.note(line),
    });
  }

  #openRecorder(): Promise<RunRecorder> {
    const { run, file, overrides, workers, resumed } = this.#plan;
    const launch = { at: new Date().toISOString(), workers, fromStep: this.#fromStep, versions: versions() };
    const launches = [...(resumed?.record.launches ?? []), launch];
    return RunRecorder.open(runPaths(this.#root), { run, file, overrides, launches });
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
        command: (worker) => [command, 'worker', '--hub', this.#hub.url, '--name', worker],
        env: () => jobEnvironment({ hub: this.#hub, token, bridge, workers: count }),
        onLine: ({ worker, text }) => void (process.env['LOCKSTEP_DEBUG'] && console.error(`[${worker}] ${text}`)),
        onEnd: (exit) => {
          this.#see(exit);
          if (--living === 0) resolve();
        },
      });
    });
  }

  /** What fails here, such as a full disk, ends the job; the workers hear of it by their connections. */
  #attempt(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#mishap ??= error;
      this.#kill();
    }
  }

  #hear(worker: string, message: WorkerMessage): void {
    switch (message.kind) {
      case 'ready':
        return this.#ready(message);
      case 'note':
        return this.#progress.note(message.text);
      case 'spans':
        return this.#trace?.add(worker, message.spans);
      case 'step':
        this.#throughput.add(message.metrics);
        this.#recorder.step(message.metrics);
        return this.#progress.step(message.metrics);
      case 'validation':
        this.#recorder.validation(message);
        return this.#progress.validation(message.loss);
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

  #ready({ adapter, families, bridge }: Extract<WorkerMessage, { kind: 'ready' }>): void {
    this.#adapter = adapter;
    this.#progress.note(adapterLine(adapter, families));
    if (this.#plan.workers > 1) this.#progress.note(bridgeLine(bridge));
    const before = this.#plan.resumed?.record.launches.at(-1)?.adapter;
    if (before !== undefined && before !== adapter)
      this.#progress.note(`note: it was trained on ${before} before; equal bits need the same adapter`);
    this.#recorder.adapter(adapter);
    if (this.#stopping) this.#stop();
  }

  /** A worker has ended. The first that failed by itself ends the others. */
  #see(exit: WorkerExit): void {
    if (this.#killed || exit.code === 0) return;
    this.#failures.push(exit);
    if (isConsequence(this.#lastWords.get(exit.worker))) this.#expectEnd(graceMs);
    else this.#kill();
  }

  #expectEnd(ms: number): void {
    this.#deadline ??= setTimeout(() => this.#kill(), ms).unref();
  }

  #kill(): void {
    this.#killed = true;
    this.#workers?.kill(); // an interrupt may come before they are started
  }

  #stop(): void {
    if (!this.#stopping)
      this.#progress.note('stopping after this step; Ctrl-C again stops at once, without a checkpoint');
    this.#stopping = true;
    this.#hub.broadcast({ kind: 'stop' } satisfies LauncherMessage);
  }

  #abort(): never {
    const { file, workers } = this.#plan;
    this.#progress.end();
    this.#kill();
    this.#stream.write(`stopped at once, without a checkpoint\n`);
    if (this.#stored !== undefined)
      this.#stream.write(`${resumeLine({ file, paths: runPaths(this.#root), workers, step: this.#stored })}\n`);
    process.exit(130);
  }

  #conclude(): LaunchResult {
    clearTimeout(this.#deadline);
    if (this.#mishap !== undefined) throw this.#mishap;
    const { run, file, workers } = this.#plan;
    const paths = runPaths(this.#root);
    const culprit =
      this.#failures.find(({ worker }) => !isConsequence(this.#lastWords.get(worker))) ?? this.#failures[0];
    if (culprit && this.#stored !== undefined)
      this.#stream.write(`${resumeLine({ file, paths, workers, step: this.#stored })}\n`);
    if (culprit) throw new WorkerError(culprit, this.#lastWords.get(culprit.worker));
    if (!this.#result) throw new Error('train: expected a result, got none: the workers ended without one');
    const tokensPerSecond = this.#throughput.overall;
    const ms = performance.now() - this.#began;
    this.#stream.write(`\n${endLines(this.#result, { run, file, paths, workers, ms, tokensPerSecond }).join('\n')}\n`);
    return { ...this.#result, tokensPerSecond, workers, adapter: this.#adapter };
  }
}
