// The processes of a job from their start to their end: the hub where they meet, what they say of themselves, who failed first, and how
// all are brought to an end. What they execute comes with their assignment; what becomes of what they print and report is said by whoever
// launches the job.
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { ProtocolError } from '@lockstep/collectives';
import { type Hub, type HubOptions, startHub } from '../hub/hub.ts';
import { type LauncherWords, readWords, type WorkerWords } from '../hub/words.ts';
import type { Assignment } from '../job/assignment.ts';
import type { BridgeWish } from '../job/choose-bridge.ts';
import { jobEnvironment } from '../job/job-environment.ts';
import { isConsequence, type LastWords } from '../job/worker-failure.ts';
import { type WorkerExit, type WorkerLine, WorkerProcesses } from './worker-processes.ts';

export interface SupervisorOptions extends Pick<HubOptions, 'port' | 'tls'> {
  readonly assignment: Assignment;
  readonly workers: number;
  readonly bridge: BridgeWish;
  /** PCI addresses. */
  readonly gpus: readonly string[];
  readonly cores: number;
  /** Gets a line for people: a stranger at the door, a connection that was cut off. */
  readonly log: (line: string) => void;
  /** Gets every whole line that a worker writes. */
  readonly onLine: (line: WorkerLine) => void;
  /** Gets what a worker reports of its work. Without it none may. A `ProtocolError` that it throws ends the worker's connection. */
  readonly onReport?: (worker: string, value: unknown, rank: number) => void;
  /** A worker goes on in spite of a signal that came to it. */
  readonly onHeed?: (signal: NodeJS.Signals) => void;
  /** Whether a worker that has ended with another code than 0 has failed; it has, unless given. */
  readonly isFailure?: (exit: WorkerExit, words: LastWords | undefined) => boolean;
}

const program = fileURLToPath(new URL('../job/worker.js', import.meta.url));
/** How long the others may take to end, and to tell what the end of a worker did to them. */
const graceMs = 2_000;
/** How long the hub may take to notice that a process has ended. */
const noticeMs = 1_000;

export class Supervisor {
  /** Workers that failed, in order. */
  readonly failures: WorkerExit[] = [];
  readonly #options: SupervisorOptions;
  readonly #hub: Hub;
  readonly #token: string;
  readonly #lastWords = new Map<string, LastWords>();
  /** Workers that go on in spite of the latest signal. */
  readonly #heeding = new Set<string>();
  #processes: WorkerProcesses | undefined;
  #living = 0;
  #isKilled = false;
  #deadline: NodeJS.Timeout | undefined;

  /** Opens the hub of a job. @throws {ConfigError} for a port or a certificate that cannot be had. */
  static async open(options: SupervisorOptions): Promise<Supervisor> {
    const { assignment, workers, port, tls, log } = options;
    const token = randomBytes(32).toString('base64url');
    const hub = await startHub({
      size: workers,
      token,
      ...(port !== undefined && { port }),
      tls,
      welcome: assignment,
      onMessage: (worker, value, rank) => supervisor.#hear(worker, value, rank), // nobody knows the token before
      log,
    });
    const supervisor = new Supervisor(options, hub, token);
    return supervisor;
  }

  private constructor(options: SupervisorOptions, hub: Hub, token: string) {
    this.#options = options;
    this.#hub = hub;
    this.#token = token;
  }

  /** Starts the workers, and resolves when all have ended. */
  async work(): Promise<void> {
    const { workers, gpus, cores, bridge, onLine } = this.#options;
    const meeting = jobEnvironment({ hub: this.#hub, bridge, workers });
    this.#living = workers;
    await new Promise<void>((resolve) => {
      this.#processes = new WorkerProcesses({
        count: workers,
        gpus,
        cores,
        command: () => [program],
        token: this.#token,
        env: (worker) => ({ ...meeting, LOCKSTEP_NAME: worker }),
        onLine,
        onEnd: (exit) => void this.#see(exit).then(() => --this.#living === 0 && resolve()),
      });
    });
    clearTimeout(this.#deadline);
  }

  /** Closes the hub. */
  close(): Promise<void> {
    return this.#hub.close();
  }

  get isKilled(): boolean {
    return this.#isKilled;
  }

  /** Workers that failed by themselves; the others only lost one. */
  get culprits(): readonly WorkerExit[] {
    return this.failures.filter(({ worker }) => !isConsequence(this.#lastWords.get(worker)));
  }

  /** What a worker said of its failure. */
  wordsOf({ worker }: WorkerExit): LastWords | undefined {
    return this.#lastWords.get(worker);
  }

  /** Asks all to end as on this signal: through the hub, or, who has not come there yet, by the signal itself. */
  stop(signal: NodeJS.Signals): void {
    this.#heeding.clear();
    this.#hub.broadcast({ kind: 'stop', signal } satisfies LauncherWords);
    this.#processes?.kill(signal, (worker) => !this.#hub.has(worker));
  }

  /** Sends the signal itself to all that were started here. */
  signal(signal: NodeJS.Signals): void {
    this.#processes?.kill(signal);
  }

  /** Whether all who still run have answered the latest {@link stop} by going on. */
  get isHeeded(): boolean {
    return this.#heeding.size >= this.#living;
  }

  /** Ends those who are still there after this time. */
  expectEnd(ms: number): void {
    this.#deadline ??= setTimeout(() => this.kill(), ms).unref();
  }

  /** Ends all at once. Who ends from now on has not failed. */
  kill(): void {
    this.#isKilled = true;
    this.#processes?.kill('SIGKILL');
  }

  #hear(worker: string, value: unknown, rank: number): void {
    const words = readWords(value);
    if (words) return this.#note(worker, words);
    if (!this.#options.onReport) throw new ProtocolError(`hub: expected words of a worker from ${worker}, got others`);
    this.#options.onReport(worker, value, rank);
  }

  #note(worker: string, words: WorkerWords): void {
    if (words.kind === 'failed') return void this.#lastWords.set(worker, words);
    this.#heeding.add(worker);
    this.#options.onHeed?.(words.signal);
  }

  /** A worker has ended. What it said before has come when its connection has ended, too. */
  async #see(exit: WorkerExit): Promise<void> {
    await this.#hub.parted(exit.worker, noticeMs);
    this.#heeding.delete(exit.worker);
    if (exit.code === 0 || this.#isKilled) return;
    if (this.#options.isFailure?.(exit, this.#lastWords.get(exit.worker)) === false) return;
    this.failures.push(exit);
    this.expectEnd(graceMs);
  }
}
