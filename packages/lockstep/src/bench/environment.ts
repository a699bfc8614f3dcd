// Where a bench runs in Node: what its file says of machine and driver.
import { readFile } from 'node:fs/promises';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import type { Device } from '@lockstep/tensor';
import { askNvidia } from '../launch/nvidia-smi.ts';
import { packageFolder } from '../load/package-folder.ts';
import { versions } from '../job/versions.ts';
import type { BenchFile } from './bench-file.ts';
import { emptyFile } from './empty-file.ts';

/** A bench file without results. */
export async function emptyBenchFile(device: Device): Promise<BenchFile> {
  const { lockstep = '', node = '', system = '' } = versions();
  return emptyFile(device, {
    lockstep,
    node,
    webgpu: await dawnVersion(),
    machine: {
      system,
      cpu: cpus()[0]?.model.trim() ?? 'unknown',
      cores: availableParallelism(),
      memoryBytes: totalmem(),
    },
    clocks: device.facts.isCpu ? '' : await clocksOf(),
  });
}

/** The package that holds Dawn, by its version: Dawn itself tells none. */
async function dawnVersion(): Promise<string | undefined> {
  const folder = packageFolder('webgpu', import.meta.url);
  if (folder === undefined) return undefined;
  const { version } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as { version?: string };
  return `Dawn, webgpu ${version}`;
}

async function clocksOf(): Promise<string> {
  const [card] = await askNvidia(['clocks.sm', 'clocks.max.sm', 'clocks.mem', 'pstate']);
  if (!card) return 'unknown';
  const [sm, most, memory, state] = card;
  return `${sm} of ${most}, memory ${memory}, ${state}`;
}
