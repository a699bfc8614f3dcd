// The processes of a job's workers: started, watched, and never left behind. What they run, and what becomes of their output,
// is said by whoever launches the job.
import { type ChildProcess, spawn } from 'node:child_process';
import type { Writable } from 'node:stream';
import { isChatter } from './driver-chatter.ts';
import { workerEnvironment } from './gpus.ts';
import { tokenDescriptor } from '../job/job-environment.ts';

export interface WorkerProcessOptions {
  readonly count: number;
  readonly gpus: readonly string[];
  readonly cores: number;
  /** What a worker runs: the arguments of Node. */
  readonly command: () => readonly string[];
  /** The job's token, which a worker reads from {@link tokenDescriptor}: its children would inherit the environment. */
  readonly token: string;
  /** Added to the environment of a worker. */
  readonly env: (worker: string) => Readonly<Record<string, string>>;
  /** Is told of each worker that has ended, also of those that were killed. */
  readonly onEnd: (exit: WorkerExit) => void;
  /** Gets every whole line that a worker writes, but for what its driver says. */
  readonly onLine: (line: WorkerLine) => void;
}

export interface WorkerLine {
  readonly worker: string;
  readonly stream: 'stdout' | 'stderr';
  readonly text: string;
}

/** How a worker ended. */
export interface WorkerExit {
  readonly worker: string;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The last lines that it wrote. */
  readonly lastLines: readonly string[];
}

const linesKept = 20;

export class WorkerProcesses {
  readonly #living = new Map<string, ChildProcess>();
  readonly #onExit = (): void => this.kill('SIGKILL');

  /** Starts all workers: worker-0, worker-1 and so on, which are also their ranks. */
  constructor(options: WorkerProcessOptions) {
    // However this process ends, short of being killed, its workers end with it. If it is killed, they lose the hub.
    process.on('exit', this.#onExit);
    for (let index = 0; index < options.count; index++) this.#start(`worker-${index}`, index, options);
  }

  /** Sends a signal to those of some that still run. */
  kill(signal: NodeJS.Signals, isMeant: (worker: string) => boolean = () => true): void {
    for (const [worker, child] of this.#living) if (isMeant(worker)) killGroup(child, signal);
  }

  #start(worker: string, index: number, options: WorkerProcessOptions): void {
    const { command, token, env, onEnd, onLine } = options;
    // A process group of its own: Ctrl-C reaches the launcher only.
    const child = spawn(process.execPath, command(), {
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
      env: { ...workerEnvironment(index, options), ...process.env, ...env(worker) },
    });
    const secret = child.stdio[tokenDescriptor] as Writable;
    secret.on('error', () => undefined); // it has ended before it has read
    secret.end(token);
    const lastLines: string[] = [];
    for (const stream of ['stdout', 'stderr'] as const)
      readLines(child[stream]!, (text) => {
        keep(lastLines, text);
        onLine({ worker, stream, text });
      });
    this.#living.set(worker, child);
    const end = (code: number | null, signal: NodeJS.Signals | null): void => {
      if (!this.#living.delete(worker)) return;
      if (this.#living.size === 0) process.off('exit', this.#onExit);
      onEnd({ worker, code, signal, lastLines });
    };
    child.once('close', end);
    child.once('error', (error) => {
      lastLines.push(error.message);
      end(1, null);
    });
  }
}

function readLines(stream: NodeJS.ReadableStream, onLine: (line: string) => void): void {
  let rest = '';
  const take = (line: string): void => void (isChatter(line) || onLine(line));
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    const parts = (rest + chunk).split('\n');
    rest = parts.pop() ?? '';
    parts.forEach(take);
  });
  stream.on('end', () => rest !== '' && take(rest));
}

function keep(lines: string[], line: string): void {
  if (line.trim() === '') return;
  lines.push(line);
  if (lines.length > linesKept) lines.shift();
}

function killGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(process.platform === 'win32' ? pid : -pid, signal);
  } catch {
    // It has just ended by itself.
  }
}
