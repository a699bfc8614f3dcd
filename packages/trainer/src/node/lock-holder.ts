// Who holds a lock, as its file says, and whether that process still lives. A process id alone tells little: containers start
// again with the same ids, and so do machines. A disk that machines share shows the locks of processes that nobody here can see.
import { spawnSync } from 'node:child_process';
import { closeSync, constants, openSync, readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import * as z from 'zod';

export interface LockHolder {
  /** Drawn anew for each lock that is taken. */
  readonly id: string;
  readonly pid: number;
  readonly host: string;
  /** Tells machines of one name apart; empty where there is none. */
  readonly machine: string;
  /** Changes whenever the machine starts; empty where the system does not tell. */
  readonly boot: string;
  /** Which table of processes the id is from: containers have their own. */
  readonly processes: string;
  /** When the process started, in the system's own form; empty where it does not tell. */
  readonly started: string;
  /** ISO 8601: since when. */
  readonly since: string;
  /** Whether the process also holds the kernel's lock (flock(2)) on the file, which ends when it does. */
  readonly kernel: boolean;
}

const holderSchema: z.ZodType<LockHolder> = z.object({
  id: z.string().min(1),
  pid: z.int().positive(),
  host: z.string(),
  machine: z.string(),
  boot: z.string(),
  processes: z.string(),
  started: z.string(),
  since: z.string(),
  kernel: z.boolean(),
});

/** This process. */
export function thisProcess({ kernel }: { kernel: boolean }): LockHolder {
  return {
    id: crypto.randomUUID(),
    pid: process.pid,
    host: hostname(),
    machine: content('/etc/machine-id'),
    boot: content('/proc/sys/kernel/random/boot_id'),
    processes: processTable(),
    started: startOf(process.pid) ?? '',
    since: new Date().toISOString(),
    kernel,
  };
}

/** What the text of a lock says; nothing where it is cut or says something else. */
export function parseHolder(text: string): LockHolder | undefined {
  try {
    return holderSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** Whether the holder of the lock at `path` lives, as far as can be told; on another machine it is taken to. */
export function isAlive(holder: LockHolder, path: string): boolean {
  const here = thisProcess({ kernel: false });
  const isThisMachine = holder.host === here.host && holder.machine === here.machine;
  if (holder.boot !== here.boot) return !isThisMachine; // this machine has started again since
  if (here.boot === '' && !isThisMachine) return true;
  const locked = holder.kernel ? isLocked(path) : undefined;
  if (locked !== undefined) return locked;
  // A container of this name that is not this one was there before it.
  if (holder.processes !== here.processes) return holder.host !== here.host;
  const started = startOf(holder.pid);
  return started !== undefined && started === holder.started;
}

/** When a process started, in clock ticks since the system did (proc(5), field 22) or as `ps` says it; nothing where it has ended. */
function startOf(pid: number): string | undefined {
  const stat = content(`/proc/${pid}/stat`);
  if (stat !== '') {
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' '); // from the third on: a name may hold anything
    return 'ZX'.includes(fields[0]!) ? undefined : fields[19];
  }
  if (process.platform === 'linux') return undefined;
  if (process.platform !== 'win32') return startByPs(pid);
  return isRunning(pid) ? '' : undefined;
}

function startByPs(pid: number): string | undefined {
  const { stdout } = spawnSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8', env: { LC_ALL: 'C' } });
  return stdout?.trim() || undefined;
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * Takes the kernel's lock on an open file, which the file keeps until it is closed, by whatever end of the process. flock(1) does
 * it, for Node cannot: the lock belongs to the open file that it is handed.
 * @returns whether it was free; nothing where there is no such program, or the disk knows no locks.
 */
export function lockFile(file: number, { shared = false }: { shared?: boolean } = {}): boolean | undefined {
  const args = ['-n', ...(shared ? ['-s'] : []), '3'];
  const { status, error } = spawnSync('flock', args, { stdio: ['ignore', 'ignore', 'ignore', file] });
  if (error || (status !== 0 && status !== 1)) return undefined;
  return status === 0;
}

function isLocked(path: string): boolean | undefined {
  try {
    const file = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    try {
      const isFree = lockFile(file, { shared: true });
      return isFree === undefined ? undefined : !isFree;
    } finally {
      closeSync(file);
    }
  } catch {
    return undefined;
  }
}

function processTable(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return '';
  }
}

function content(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
}
