// A script in several processes, from their start to their end: what they print and the signals that come are passed on, and the
// first that fails ends the others. What goes on inside a process is script-worker.ts and join.ts.
import { randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { BridgeWish } from '../job/choose-bridge.ts';
import { listGpus } from './gpus.ts';
import { startHub } from '../hub/hub.ts';
import type { ScriptModule } from '../bundle/keep-script.ts';
import { jobEnvironment } from '../job/job-environment.ts';
import { reportError } from '../console/report-error.ts';
import { requireBridge } from '../job/require-bridge.ts';
import { say } from '../console/say.ts';
import type { ScriptWords } from '../job/script-worker.ts';
import { onStopSignal, signalCode, signalOf } from './stop-signals.ts';
import { isConsequence, type LastWords } from '../job/worker-failure.ts';
import { type WorkerExit, type WorkerLine, WorkerProcesses } from './worker-processes.ts';

export interface ScriptJob {
  /** The command, as messages name it. */
  readonly who: string;
  /** Path of the script, and what it gets as `process.argv` from 2 on. */
  readonly script: string;
  readonly args: readonly string[];
  /** What the workers execute in its place. */
  readonly module: ScriptModule;
  readonly workers: number;
  readonly bridge: BridgeWish;
  /** Whether each line begins with the rank of its writer. */
  readonly prefixed: boolean;
}

const scriptWorker = fileURLToPath(new URL('../job/script-worker.js', import.meta.url));
/** How long the others may take to tell what the end of a worker did to them, and all to answer a signal. */
const graceMs = 2_000;

/**
 * Runs a script to its end in all workers, and resolves to the exit code: 0, that of the worker that failed first, 1 where
 * a signal ended that one alone, 128 and the signal's number where all were asked to end by it.
 */
export async function runScript(job: ScriptJob): Promise<number> {
  await requireBridge(job.bridge, job);
  const token = randomBytes(32).toString('base64url');
  const hub = await startHub({ size: job.workers, token, log: (line) => say(process.stderr, line) });
  try {
    const meeting = jobEnvironment({ hub, bridge: job.bridge, workers: job.workers });
    return await new ScriptRun(job, { meeting: { ...meeting, ...job.module.environment }, token }).exitCode;
  } finally {
    await hub.close();
  }
}

/** What lets a worker find the job and join it. */
interface Joining {
  readonly meeting: Record<string, string>;
  readonly token: string;
}

class ScriptRun {
  readonly exitCode: Promise<number>;
  readonly #job: ScriptJob;
  readonly #lastWords = new Map<string, LastWords>();
  readonly #failures: WorkerExit[] = [];
  /** Workers whose script decides itself what a signal does. */
  readonly #heeding = new Set<string>();
  #living: number;
  #workers: WorkerProcesses | undefined;
  /** The signal that asked for an end. */
  #asked: NodeJS.Signals | undefined;
  #interrupts = 0;
  /** Who ends from now on has not failed. */
  #isKilled = false;
  #deadline: NodeJS.Timeout | undefined;

  constructor(job: ScriptJob, joining: Joining) {
    this.#job = job;
    this.#living = job.workers;
    onStopSignal((signal) => this.#handOn(signal));
    this.exitCode = this.#work(joining).then(() => {
      clearTimeout(this.#deadline);
      return this.#conclude();
    });
  }

  /** Resolves when all workers have ended. */
  #work({ meeting, token }: Joining): Promise<void> {
    const { script, args, module, workers: count } = this.#job;
    return new Promise((resolve) => {
      this.#workers = new WorkerProcesses({
        count,
        gpus: listGpus(),
        cores: availableParallelism(),
        command: () => [scriptWorker, module.path, script, ...args],
        token,
        env: (worker) => ({ ...meeting, LOCKSTEP_NAME: worker }),
        onLine: (line) => this.#pass(line),
        onMessage: (worker, value) => this.#hear(worker, value as ScriptWords),
        onEnd: (exit) => {
          this.#see(exit);
          if (--this.#living === 0) resolve();
        },
      });
    });
  }

  #hear(worker: string, words: ScriptWords): void {
    if ('heeds' in words) this.#heeding.add(worker);
    else this.#lastWords.set(worker, words);
  }

  #pass({ worker, stream, text }: WorkerLine): void {
    const prefix = this.#job.prefixed ? `[${rankOf(worker)}] ` : '';
    process[stream].write(`${prefix}${text}\n`);
  }

  #see(exit: WorkerExit): void {
    this.#heeding.delete(exit.worker);
    if (exit.code === 0 || this.#isKilled) return;
    this.#failures.push(exit);
    this.#expectEnd();
  }

  /** A script that handles the signal may take its time, or go on; one that does not answer is stuck. */
  #handOn(signal: NodeJS.Signals): void {
    if (signal === 'SIGINT' && ++this.#interrupts === 2) return this.#kill();
    this.#asked ??= signal;
    this.#heeding.clear();
    this.#workers?.kill(signal);
    setTimeout(() => this.#heeding.size < this.#living && this.#kill(), graceMs).unref();
  }

  #expectEnd(): void {
    this.#deadline ??= setTimeout(() => this.#kill(), graceMs);
  }

  #kill(): void {
    this.#isKilled = true;
    this.#workers?.kill();
  }

  /** Says in one line who failed by itself; the others only lost it, or were asked to end. */
  #conclude(): number {
    const byThemselves = this.#failures.filter(({ worker }) => !isConsequence(this.#lastWords.get(worker)));
    if (this.#asked && byThemselves.every((exit) => signalOf(exit)))
      return this.#failures.length > 0 || this.#isKilled ? signalCode(this.#asked) : 0;
    const culprit = byThemselves[0] ?? this.#failures[0];
    if (!culprit) return 0;
    const { worker, code, signal } = culprit;
    const said = this.#lastWords.get(worker);
    const how = signal ? `by signal ${signal}` : `with exit code ${code}`;
    const line = `${this.#job.who}: worker ${rankOf(worker)} ended ${how}`;
    reportError(new Error(said?.code === 'CONFIG' ? said.message : line));
    return code ?? 1;
  }
}

const rankOf = (worker: string): string => worker.slice(worker.lastIndexOf('-') + 1);
