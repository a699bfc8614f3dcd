// How much memory an adapter has, which WebGPU does not tell: from the system, where that tells.
import { readdir, readFile } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { formatByteSize } from '../console/byte-size.ts';
import { listGpus } from '../launch/gpus.ts';
import { askNvidia } from '../launch/nvidia-smi.ts';

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
  /** How many workers the job has: they share the machine's GPUs, or its CPU. */
  readonly workers: number;
  /** What the user has said. */
  readonly asked?: number | undefined;
}

export async function adapterMemory({ isCpu, workers, asked }: MemoryQuestion): Promise<AdapterMemory> {
  if (asked !== undefined) return { bytes: asked, source: '--memory', isAssumed: false };
  const adapters = isCpu ? 1 : Math.max(1, listGpus().length);
  const sharing = Math.ceil(workers / adapters);
  const shared = sharing === 1 ? '' : `, shared by ${sharing} workers`;
  const of = (whole: number, share: number, name: string): AdapterMemory => ({
    bytes: (share * whole) / sharing,
    source: `${100 * share} % of ${formatByteSize(whole)} of ${name}${shared}`,
    isAssumed: false,
  });
  if (isCpu) return of(totalmem(), shares.machine, 'the machine');
  const card = (await nvidiaMemory()) ?? (await kernelMemory());
  if (card !== undefined) return of(card, shares.card, 'the card');
  return {
    bytes: assumedBytes / sharing,
    source: `assumed${shared}: neither WebGPU nor the system tells; see --memory`,
    isAssumed: true,
  };
}

/** Bytes of the smallest card that NVIDIA's tool knows: a worker may get any of them. */
async function nvidiaMemory(): Promise<number | undefined> {
  const cards = await askNvidia(['memory.total']);
  return smallest(cards.map(([mebibytes = '']) => Number.parseFloat(mebibytes) * 2 ** 20));
}

/** Bytes of the smallest card whose kernel driver tells them (amdgpu). */
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
