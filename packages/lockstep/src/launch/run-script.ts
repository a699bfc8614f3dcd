// A script in several workers, from its start to its end: what they print and the signals that come are passed on, and the first that
// fails ends the others.
import { availableParallelism } from 'node:os';
import type { ScriptModule } from '../bundle/keep-script.ts';
import { reportError } from '../console/report-error.ts';
import { say } from '../console/say.ts';
import type { BridgeWish } from '../job/choose-bridge.ts';
import { requireBridge } from '../job/require-bridge.ts';
import { listGpus } from './gpus.ts';
import { onStopSignal, signalCode, signalOf } from './stop-signals.ts';
import { Supervisor } from './supervisor.ts';

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

/** How long a worker may take to answer a signal. */
const answerMs = 2_000;

/**
 * Runs a script to its end in all workers, and resolves to the exit code: 0, that of the worker that failed first, 1 where
 * a signal ended that one alone, 128 and the signal's number where all were asked to end by it.
 */
export async function runScript(job: ScriptJob): Promise<number> {
  const { script, args, module, workers, bridge, prefixed } = job;
  await requireBridge(bridge, job);
  const supervisor = await Supervisor.open({
    assignment: { module: module.path, script, args, environment: module.environment },
    workers,
    bridge,
    gpus: listGpus(),
    cores: availableParallelism(),
    log: (line) => say(process.stderr, line),
    onLine: ({ worker, stream, text }) => process[stream].write(`${prefixed ? `[${rankOf(worker)}] ` : ''}${text}\n`),
  });
  const signals = new Signals(supervisor);
  try {
    await supervisor.work();
  } finally {
    await supervisor.close();
  }
  return conclude(job, supervisor, signals.asked);
}

/** Hands signals on to the workers. A script that handles one may take its time, or go on; one that does not answer is stuck. */
class Signals {
  /** The signal that asked for an end. */
  asked: NodeJS.Signals | undefined;
  readonly #supervisor: Supervisor;
  #interrupts = 0;

  constructor(supervisor: Supervisor) {
    this.#supervisor = supervisor;
    onStopSignal((signal) => this.#handOn(signal));
  }

  #handOn(signal: NodeJS.Signals): void {
    if (signal === 'SIGINT' && ++this.#interrupts === 2) return this.#supervisor.kill();
    this.asked ??= signal;
    this.#supervisor.stop(signal);
    setTimeout(() => this.#supervisor.isHeeded || this.#supervisor.kill(), answerMs).unref();
  }
}

/** Says in one line who failed by itself; the others only lost it, or were asked to end. */
function conclude({ who }: ScriptJob, supervisor: Supervisor, asked: NodeJS.Signals | undefined): number {
  const { culprits, failures, isKilled } = supervisor;
  if (asked && culprits.every((exit) => signalOf(exit))) return failures.length > 0 || isKilled ? signalCode(asked) : 0;
  const culprit = culprits[0] ?? failures[0];
  if (!culprit) return 0;
  const { worker, code, signal } = culprit;
  const said = supervisor.wordsOf(culprit);
  const how = signal ? `by signal ${signal}` : `with exit code ${code}`;
  const line = `${who}: worker ${rankOf(worker)} ended ${how}`;
  reportError(new Error(said?.code === 'CONFIG' ? said.message : line));
  return code ?? 1;
}

const rankOf = (worker: string): string => worker.slice(worker.lastIndexOf('-') + 1);
