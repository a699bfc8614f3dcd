// A script in several processes, from their start to their end: what they print is passed on, the first that fails ends the
// others, and an interrupt ends all. What goes on inside a process is script-worker.ts and join.ts.
import { randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { BridgeWish } from './choose-bridge.ts';
import { listGpus } from './gpus.ts';
import { startHub } from './hub.ts';
import { jobEnvironment } from './job-environment.ts';
import { onInterrupt } from './interrupts.ts';
import { reportError } from './report-error.ts';
import { requireBridge } from './require-bridge.ts';
import { isConsequence, type LastWords } from './worker-failure.ts';
import { type WorkerExit, type WorkerLine, WorkerProcesses } from './worker-processes.ts';

export interface ScriptJob {
  /** The command, as messages name it. */
  readonly who: string;
  /** Path of the script, and what it gets as `process.argv` from 2 on. */
  readonly script: string;
  readonly args: readonly string[];
  readonly workers: number;
  readonly bridge: BridgeWish;
  /** Whether each line begins with the rank of its writer. */
  readonly prefixed: boolean;
}

const scriptWorker = fileURLToPath(new URL('./script-worker.js', import.meta.url));
/** How long the others may take to tell what the end of a worker did to them, and all to end when asked to. */
const graceMs = 2_000;
const interrupted = 130;

/**
 * Runs a script to its end in all workers, and resolves to the exit code: 0, that of the worker that failed first, 1 where
 * a signal ended it, 130 after an interrupt.
 */
export async function runScript(job: ScriptJob): Promise<number> {
  await requireBridge(job.bridge, job);
  const token = randomBytes(32).toString('base64url');
  const hub = await startHub({ size: job.workers, token, log: (line) => process.stderr.write(`${line}\n`) });
  try {
    return await new ScriptRun(job, jobEnvironment({ hub, token, bridge: job.bridge, workers: job.workers })).exitCode;
  } finally {
    await hub.close();
  }
}

class ScriptRun {
  readonly exitCode: Promise<number>;
  readonly #job: ScriptJob;
  readonly #lastWords = new Map<string, LastWords>();
  readonly #failures: WorkerExit[] = [];
  #workers: WorkerProcesses | undefined;
  #isInterrupted = false;
  /** Who ends from now on has not failed. */
  #isKilled = false;
  #deadline: NodeJS.Timeout | undefined;

  constructor(job: ScriptJob, meeting: Record<string, string>) {
    this.#job = job;
    const ignore = onInterrupt({ first: () => this.#interrupt(), second: () => this.#kill() });
    this.exitCode = this.#work(meeting).then(() => {
      ignore();
      clearTimeout(this.#deadline);
      return this.#conclude();
    });
  }

  /** Resolves when all workers have ended. */
  #work(meeting: Record<string, string>): Promise<void> {
    const { script, args, workers: count } = this.#job;
    return new Promise((resolve) => {
      let living = count;
      this.#workers = new WorkerProcesses({
        count,
        gpus: listGpus(),
        cores: availableParallelism(),
        command: () => [scriptWorker, script, ...args],
        env: (worker) => ({ ...meeting, LOCKSTEP_NAME: worker }),
        onLine: (line) => this.#pass(line),
        onMessage: (worker, value) => this.#lastWords.set(worker, value as LastWords),
        onEnd: (exit) => {
          this.#see(exit);
          if (--living === 0) resolve();
        },
      });
    });
  }

  #pass({ worker, stream, text }: WorkerLine): void {
    const prefix = this.#job.prefixed ? `[${rankOf(worker)}] ` : '';
    process[stream].write(`${prefix}${text}\n`);
  }

  #see(exit: WorkerExit): void {
    if (exit.code === 0 || this.#isKilled) return;
    this.#failures.push(exit);
    this.#expectEnd();
  }

  #interrupt(): void {
    this.#isInterrupted = true;
    this.#workers?.kill('SIGINT');
    this.#expectEnd();
  }

  #expectEnd(): void {
    this.#deadline ??= setTimeout(() => this.#kill(), graceMs);
  }

  #kill(): void {
    this.#isKilled = true;
    this.#workers?.kill();
  }

  /** Says in one line who failed by itself; the others only lost it. */
  #conclude(): number {
    if (this.#isInterrupted) return interrupted;
    const culprit =
      this.#failures.find(({ worker }) => !isConsequence(this.#lastWords.get(worker))) ?? this.#failures[0];
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
