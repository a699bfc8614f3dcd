/**
 * PyTorch on the CPU (torch_cpu.py), beside libraries that run on an adapter. It takes part where it has a good BLAS: with the reference
 * BLAS, which Debian's python3-torch comes with, it is some thirty times slower, and would flatter everybody else.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { adamw, type Problem } from '../problem.ts';
import type { ProductRow } from './product-peer.ts';
import { hasModules, python } from './python.ts';

export interface TorchAbout {
  version: string;
  /** Nothing where it is the reference BLAS. */
  blas: string | null;
  threads: number;
}

/** What is not there, in a line. */
export interface Missing {
  missing: string;
}

export type TorchSteps = TorchAbout & { losses: number[]; intervals: number[] };
export type TorchProducts = TorchAbout & { rows: ProductRow[] };

const script = 'torch_cpu.py';

/** PyTorch and its BLAS, or why it takes no part. */
export async function findTorch(): Promise<TorchAbout | Missing> {
  if (!(await hasModules('torch')))
    return { missing: 'PyTorch: not installed (apt-get install python3-torch libopenblas0-pthread)' };
  const about = await run<TorchAbout>('blas');
  if (about.blas) return about;
  return {
    missing: `PyTorch ${about.version}: left out, for its BLAS is the reference one (apt-get install libopenblas0-pthread)`,
  };
}

/** PyTorch in words, with its BLAS, which stands beside every figure. */
export const torchWords = ({ version, blas, threads }: TorchAbout): string =>
  `PyTorch ${version} on the CPU (${blas}, ${threads} threads)`;

/** Training steps from the same weights on the same batch as everybody's. Throws with the last that PyTorch said. */
export function torchSteps({ config, weights, tokens, targets }: Problem, losses: number): Promise<TorchSteps> {
  return inFolder(async (folder) => {
    const all = Object.entries(weights);
    const shapes = Object.fromEntries(all.map(([name, { shape }]) => [name, shape]));
    const problem = { config, adamw, shapes, tokens: [...tokens], targets: [...targets] };
    await writeFile(join(folder, 'problem.json'), JSON.stringify(problem));
    await writeFile(join(folder, 'weights.bin'), Buffer.concat(all.map(([, { data }]) => bytesOf(data))));
    return run<TorchSteps>('step', folder, `${losses}`);
  });
}

/** Products of the given matrices, by their size. */
export function torchProducts(problems: ReadonlyMap<number, readonly Float32Array[]>): Promise<TorchProducts> {
  return inFolder(async (folder) => {
    for (const [n, matrices] of problems)
      await writeFile(join(folder, `${n}.bin`), Buffer.concat(matrices.map((one) => bytesOf(one))));
    return run<TorchProducts>('products', folder, [...problems.keys()].join(','));
  });
}

const bytesOf = (data: Float32Array): Buffer => Buffer.from(data.buffer, data.byteOffset, data.byteLength);

async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'lockstep-torch-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const run = <T>(...args: string[]): Promise<T> => runTorch<T>(script, ...args);

/** What a script beside this one prints. Throws with the last that PyTorch said. */
export async function runTorch<T>(file: string, ...args: string[]): Promise<T> {
  const path = fileURLToPath(new URL(file, import.meta.url));
  const env = { ...process.env, PYTHONDONTWRITEBYTECODE: '1', ...(await coreType()) };
  try {
    const { stdout } = await promisify(execFile)(python, [path, ...args], { env, maxBuffer: 1 << 26 });
    return JSON.parse(stdout) as T;
  } catch (error) {
    const { stderr = '' } = error as { stderr?: string };
    const last = stderr.trimEnd().split('\n').slice(-20).join('\n') || String(error);
    throw new Error(`bench: PyTorch failed (${args.join(' ')})\n${last}`, { cause: error });
  }
}

/** OpenBLAS does not know processors that are newer than itself, and takes them for the oldest: it is told what they can. */
async function coreType(): Promise<Record<string, string>> {
  if (process.env['OPENBLAS_CORETYPE']) return {};
  const flags = await readFile('/proc/cpuinfo', 'utf8').catch(() => '');
  if (/\bavx512f\b/.test(flags)) return { OPENBLAS_CORETYPE: 'SkylakeX' };
  return /\bavx2\b/.test(flags) ? { OPENBLAS_CORETYPE: 'Haswell' } : {};
}
