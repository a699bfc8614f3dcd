// Where a bench ran: what its file says of machine and adapter.
import { execFile } from 'node:child_process';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { promisify } from 'node:util';
import type { Device } from '@lockstep/tensor';
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

/** What the driver's own tool says, where there is one. */
async function clocksOf(): Promise<string> {
  const query = ['--query-gpu=clocks.sm,clocks.max.sm,clocks.mem,pstate', '--format=csv,noheader'];
  try {
    const { stdout } = await promisify(execFile)('nvidia-smi', query, { timeout: 5000 });
    const [sm, most, memory, state] = stdout.split('\n')[0]!.split(', ');
    return `${sm} of ${most}, memory ${memory}, ${state}`;
  } catch {
    return 'unknown';
  }
}
