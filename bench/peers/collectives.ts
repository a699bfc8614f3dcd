/**
 * The all-reduce of other libraries, beside which Lockstep's is timed: PyTorch's gloo (gloo.py) and Open MPI (mpi.py).
 *
 * Finds out whether they are installed, starts one process per worker, and reads what rank 0 prints. How a peer is
 * checked and timed stands in measure.py.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { hasModules, python, runs } from './python.ts';

export interface CollectiveRow {
  bytes: number;
  /** Microseconds per call. */
  us: number;
  /** Bytes over time, in 1e9 bytes/s. */
  algbw: number;
  /** algbw · 2(n - 1)/n for n workers, as nccl-tests defines it: what each link has to carry. */
  busbw: number;
  algorithm?: string;
}

/** The rows of a peer in the order of the sizes, or what to install to have them. */
export type PeerResult = { name: string; rows: CollectiveRow[] } | { name: string; missing: string };

export interface Measurement {
  workers: number;
  /** Bytes of float32. */
  sizes: number[];
}

interface Start {
  command: string;
  args: string[];
  env?: Record<string, string>;
}

/** Runs what follows where there is no network but loopback, since Open MPI cannot be told where to listen. */
const onlyLoopback = [
  'unshare',
  '--map-root-user',
  '--net',
  'sh',
  '-c',
  'ip link set lo up && exec "$@"',
  'sh',
] as const;
const graceMs = 5_000;
const script = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** Throws with the last lines of standard error when a rank fails. */
export async function runGloo({ workers, sizes }: Measurement): Promise<PeerResult> {
  const name = 'PyTorch gloo';
  if (!(await hasModules('torch'))) return { name, missing: 'apt-get install python3-torch' };
  const folder = await mkdtemp(join(tmpdir(), 'lockstep-gloo-'));
  try {
    const ranks = Array.from({ length: workers }, (_, rank) => ({
      command: python,
      args: [script('gloo.py'), join(folder, 'rendezvous'), sizes.join(',')],
      // Without the interface, gloo would listen on whatever address the host's name stands for.
      env: { RANK: `${rank}`, WORLD_SIZE: `${workers}`, GLOO_SOCKET_IFNAME: 'lo' },
    }));
    return { name, rows: await rowsOf(name, ranks, sizes) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Throws with the last lines of standard error when Open MPI or a rank fails. */
export async function runMpi({
  workers,
  sizes,
  over,
}: Measurement & { over: 'shared memory' | 'tcp' }): Promise<PeerResult> {
  const name = `Open MPI, ${over === 'tcp' ? 'TCP' : over}`;
  const found = await Promise.all([runs('mpirun', '--version'), hasModules('mpi4py', 'numpy'), runs('ip', '-V')]);
  if (found.includes(false))
    return { name, missing: 'apt-get install openmpi-bin python3-mpi4py python3-numpy iproute2' };
  const [unshare, ...apart] = onlyLoopback;
  if (!(await runs(unshare, ...apart, 'true')))
    return {
      name,
      missing: 'a system that lets unshare(1) make a network namespace: Open MPI listens on every address',
    };
  const transport = over === 'tcp' ? ['btl self,tcp', 'btl_tcp_if_include lo'] : ['btl self,vader'];
  // A rank that waits spins; with more ranks than cores it would keep the core from the one it waits for.
  const patience = workers > availableParallelism() ? ['mpi_yield_when_idle 1'] : [];
  const settings = ['pml ob1', 'oob_tcp_if_include lo', ...transport, ...patience];
  // Unbound, as the processes of all other peers are: where to run is left to the system.
  const options = ['--allow-run-as-root', '--oversubscribe', '--bind-to', 'none', '-n', `${workers}`];
  const mca = settings.flatMap((setting) => ['--mca', ...setting.split(' ')]);
  // The module ends all ranks when one fails; without it, the others would wait for that one.
  const program = [python, '-m', 'mpi4py', script('mpi.py'), sizes.join(',')];
  const start = { command: unshare, args: [...apart, 'mpirun', ...options, ...mca, ...program] };
  return { name, rows: await rowsOf(name, [start], sizes) };
}

/** Starts everything at once. None is left running when it returns or throws, whoever failed and however. */
async function rowsOf(name: string, starts: Start[], sizes: number[]): Promise<CollectiveRow[]> {
  const limitSeconds = 60 + 20 * sizes.length;
  const stop = new AbortController();
  const timer = setTimeout(
    () => stop.abort(new Error(`bench: ${name} was not done after ${limitSeconds} s`)),
    limitSeconds * 1000,
  );
  const processes = starts.map((start) => run(name, start, stop));
  try {
    const [stdout] = await Promise.all(processes);
    return (JSON.parse(stdout!) as { rows: CollectiveRow[] }).rows;
  } finally {
    clearTimeout(timer);
    stop.abort();
    await Promise.allSettled(processes);
  }
}

/** Resolves to what the process printed. The first to fail stops the others, and its error is that of all. */
function run(name: string, { command, args, env }: Start, stop: AbortController): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      env: { ...process.env, OMP_NUM_THREADS: '1', PYTHONDONTWRITEBYTECODE: '1', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const said = { stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => (said.stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said.stderr += text));
    let force: ReturnType<typeof setTimeout> | undefined;
    const end = (): void => {
      // Gently first: mpirun ends its ranks, which are not our children, only if it is given the time.
      child.kill('SIGTERM');
      force = setTimeout(() => child.kill('SIGKILL'), graceMs);
    };
    stop.signal.addEventListener('abort', end, { once: true });
    child.on('error', (error) => stop.abort(error));
    child.on('close', (code, signal) => {
      clearTimeout(force);
      stop.signal.removeEventListener('abort', end);
      if (code === 0) return resolve(said.stdout);
      const last = said.stderr.trimEnd().split('\n').slice(-20).join('\n');
      stop.abort(new Error(`bench: ${name} failed (${signal ?? `exit code ${code}`})\n${last}`));
      reject(stop.signal.reason as Error);
    });
  });
}
