// How much memory an adapter has, which WebGPU does not tell: from the system, where that tells.
import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { promisify } from 'node:util';
import { formatByteSize } from './byte-size.ts';

export interface AdapterMemory {
  /** Bytes that a worker may use. */
  readonly bytes: number;
  /** Where the figure comes from, for people. */
  readonly source: string;
  /** Whether it is a guess. */
  readonly isAssumed: boolean;
}

/** What a GPU's memory is taken for where nobody tells. */
const assumedBytes = 8 * 2 ** 30;
/** What is left to others: the system and its programs, or the driver and the screen. */
const shares = { machine: 0.6, card: 0.9 };

export interface MemoryQuestion {
  /** Whether the adapter computes on the CPU. */
  readonly isCpu: boolean;
  /** Workers that share the adapter. */
  readonly workers: number;
  /** What the user has said. */
  readonly asked?: number | undefined;
}

export async function adapterMemory({ isCpu, workers, asked }: MemoryQuestion): Promise<AdapterMemory> {
  if (asked !== undefined) return { bytes: asked, source: '--memory', isAssumed: false };
  const shared = workers === 1 ? '' : `, shared by ${workers} workers`;
  const of = (whole: number, share: number, name: string): AdapterMemory => ({
    bytes: (share * whole) / workers,
    source: `${100 * share} % of ${formatByteSize(whole)} of ${name}${shared}`,
    isAssumed: false,
  });
  if (isCpu) return of(totalmem(), shares.machine, 'the machine');
  const card = (await nvidiaMemory()) ?? (await kernelMemory());
  if (card !== undefined) return of(card, shares.card, 'the card');
  return {
    bytes: assumedBytes / workers,
    source: `assumed${shared}: neither WebGPU nor the system tells; see --memory`,
    isAssumed: true,
  };
}

/** Of the smallest card that NVIDIA's tool knows: a worker may get any of them. */
async function nvidiaMemory(): Promise<number | undefined> {
  try {
    const query = ['--query-gpu=memory.total', '--format=csv,noheader,nounits'];
    const { stdout } = await promisify(execFile)('nvidia-smi', query, { timeout: 5000 });
    return smallest(stdout.split('\n').map((line) => Number(line) * 2 ** 20));
  } catch {
    return undefined;
  }
}

/** Of the smallest card whose kernel driver says it (amdgpu). */
async function kernelMemory(folder = '/sys/class/drm'): Promise<number | undefined> {
  const names = await readdir(folder).catch(() => []);
  const cards = names.filter((name) => /^card\d+$/.test(name));
  const files = cards.map((card) => readFile(`${folder}/${card}/device/mem_info_vram_total`, 'utf8').catch(() => ''));
  return smallest((await Promise.all(files)).map(Number));
}

function smallest(sizes: readonly number[]): number | undefined {
  const known = sizes.filter((size) => size > 0);
  return known.length === 0 ? undefined : Math.min(...known);
}
