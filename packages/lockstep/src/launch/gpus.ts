// The GPUs of this machine, and how a process is given one of them. WebGPU cannot choose among equal cards, so the
// environment has to, before the process starts.
import { existsSync, readdirSync, realpathSync } from 'node:fs';
import { basename } from 'node:path';

/** PCI addresses such as 0000:65:00.0, in order: GPUs with a device file that this process sees. Empty where nobody knows. */
export function listGpus(): string[] {
  return Array.from(new Set([...nvidiaGpus(), ...renderNodes()])).toSorted();
}

function nvidiaGpus(): string[] {
  return existsSync('/dev/nvidiactl') ? entries('/proc/driver/nvidia/gpus') : [];
}

/** The kernel's own drivers make one render node per GPU. */
function renderNodes(): string[] {
  const nodes = entries('/dev/dri').filter((name) => name.startsWith('renderD'));
  return nodes.flatMap((name) => {
    const device = `/sys/class/drm/${name}/device`;
    const address = existsSync(device) ? basename(realpathSync(device)) : '';
    return /^[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-9a-f]$/.test(address) ? [address] : [];
  });
}

const entries = (folder: string): string[] => (existsSync(folder) ? readdirSync(folder) : []);

/**
 * The environment of worker `index` of `count`: its GPU where there are several, and its share of the cores, which counts
 * where the adapter is a program on the CPU (lavapipe reads LP_NUM_THREADS).
 */
export function workerEnvironment(
  index: number,
  { count, gpus, cores }: { count: number; gpus: readonly string[]; cores: number },
): Record<string, string> {
  const threads = { LP_NUM_THREADS: String(Math.max(1, Math.floor(cores / count))) };
  const gpu = gpus.length > 1 ? gpus[index % gpus.length] : undefined;
  return gpu === undefined ? threads : { ...threads, ...chooseGpu(gpu) };
}

/** Mesa's device-select layer, which stands before every Vulkan driver, then offers this one only. */
function chooseGpu(address: string): Record<string, string> {
  return { DRI_PRIME: `pci-${address.replaceAll(/[:.]/g, '_')}`, MESA_VK_DEVICE_SELECT_FORCE_DEFAULT_DEVICE: '1' };
}
