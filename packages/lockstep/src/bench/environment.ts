// Where a bench ran: what its file says of machine and adapter.
import { availableParallelism, cpus, totalmem } from 'node:os';
import type { Device } from '@lockstep/tensor';
import { askNvidia } from '../nvidia-smi.ts';
import { versions } from '../versions.ts';
import { type BenchFile, benchSchema } from './bench-file.ts';
import type { Ceilings } from './ceilings.ts';

/** A bench file without results. */
export async function emptyBenchFile(device: Device, ceilings: Ceilings): Promise<BenchFile> {
  const { lockstep = '', node = '', system = '' } = versions();
  const { vendor, architecture, description, isCpu } = device.facts;
  return {
    schema: benchSchema,
    created: new Date().toISOString(),
    lockstep,
    node,
    machine: {
      system,
      cpu: cpus()[0]?.model.trim() ?? 'unknown',
      cores: availableParallelism(),
      memoryBytes: totalmem(),
    },
    adapter: {
      vendor,
      architecture,
      description,
      software: isCpu,
      features: [...device.gpu.features].toSorted(),
      clocks: isCpu ? 'of a CPU' : await clocksOf(),
    },
    ceilings,
    dispatchUs: 0,
    kernels: [],
    steps: [],
    transfers: [],
    peers: [],
  };
}

async function clocksOf(): Promise<string> {
  const [card] = await askNvidia(['clocks.sm', 'clocks.max.sm', 'clocks.mem', 'pstate']);
  if (!card) return 'unknown';
  const [sm, most, memory, state] = card;
  return `${sm} of ${most}, memory ${memory}, ${state}`;
}
