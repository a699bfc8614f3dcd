// The processes of a job's workers: started, watched, and never left behind.
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { isChatter } from './driver-chatter.ts';
import { workerEnvironment } from './gpus.ts';

export interface WorkerProcessOptions {
  readonly count: number;
  readonly hub: string;
  /** Goes by environment: everybody may read a command line. */
  readonly token: string;
  /** The job's public id. */
  readonly job: string;
  /** Of the hub's certificate, under TLS. */
  readonly fingerprint?: string | undefined;
  readonly gpus: readonly string[];
  readonly cores: number;
}

/** How a worker ended. */
export interface WorkerExit {
  readonly worker: string;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The last lines that it wrote. */
  readonly lastLines: readonly string[];
}

const command = fileURLToPath(new URL('../bin/lockstep.js', import.meta.url));
const linesKept = 20;

export class WorkerProcesses {
  readonly #living = new Map<string, ChildProcess>();
  readonly #onExit = (): void => this.kill();

  /** Starts all workers. `onEnd` is told of each one that has ended, also of those that were killed. */
  constructor(options: WorkerProcessOptions, onEnd: (exit: WorkerExit) => void) {
    // However this process ends, short of being killed, its workers end with it. If it is killed, they lose the hub.
    process.on('exit', this.#onExit);
    for (let index = 0; index < options.count; index++) this.#start(`worker-${index}`, index, options, onEnd);
  }

  /** Ends all that still run, at once. */
  kill(): void {
    for (const child of this.#living.values()) killGroup(child);
  }

  #start(
    name: string,
    index: number,
    { hub, token, job, fingerprint, ...machine }: WorkerProcessOptions,
    onEnd: (exit: WorkerExit) => void,
  ): void {
    const env = {
      ...workerEnvironment(index, machine),
      ...process.env,
      LOCKSTEP_TOKEN: token,
      LOCKSTEP_JOB: job,
      LOCKSTEP_FINGERPRINT: fingerprint,
    };
    // A process group of its own: Ctrl-C reaches the launcher only.
    const child = spawn(process.execPath, [command, 'worker', '--hub', hub, '--name', name], {
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env,
    });
    const lastLines: string[] = [];
    for (const stream of [child.stdout, child.stderr]) keepLines(stream, name, lastLines);
    this.#living.set(name, child);
    const end = (code: number | null, signal: NodeJS.Signals | null): void => {
      if (!this.#living.delete(name)) return;
      if (this.#living.size === 0) process.off('exit', this.#onExit);
      onEnd({ worker: name, code, signal, lastLines });
    };
    child.once('close', end);
    child.once('error', (error) => {
      lastLines.push(error.message);
      end(1, null);
    });
  }
}

function keepLines(stream: NodeJS.ReadableStream, name: string, lines: string[]): void {
  let rest = '';
  const keep = (line: string): void => {
    if (line.trim() === '' || isChatter(line)) return;
    if (process.env['LOCKSTEP_DEBUG']) process.stderr.write(`[${name}] ${line}\n`);
    lines.push(line);
    if (lines.length > linesKept) lines.shift();
  };
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    const parts = (rest + chunk).split('\n');
    rest = parts.pop() ?? '';
    parts.forEach(keep);
  });
  stream.on('end', () => keep(rest));
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(process.platform === 'win32' ? pid : -pid, 'SIGKILL');
  } catch {
    // It has just ended by itself.
  }
}
