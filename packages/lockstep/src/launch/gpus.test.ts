import { describe, expect, it } from 'vitest';
import { listGpus, workerEnvironment } from './gpus.ts';

describe('workerEnvironment', () => {
  it('shares the cores, and gives everybody at least one', () => {
    const threads = (count: number): string | undefined =>
      workerEnvironment(0, { count, gpus: [], cores: 8 })['LP_NUM_THREADS'];
    expect([1, 2, 3, 8, 20].map(threads)).toEqual(['8', '4', '2', '1', '1']);
  });

  it('gives each worker its own GPU where there are several, in turns where there are more workers', () => {
    const gpus = ['0000:17:00.0', '0000:ca:00.1'];
    const chosen = [0, 1, 2].map((index) => workerEnvironment(index, { count: 3, gpus, cores: 8 }));
    expect(chosen.map((env) => env['DRI_PRIME'])).toEqual(['pci-0000_17_00_0', 'pci-0000_ca_00_1', 'pci-0000_17_00_0']);
    expect(chosen.every((env) => env['MESA_VK_DEVICE_SELECT_FORCE_DEFAULT_DEVICE'] === '1')).toBe(true);
  });

  it('chooses nothing where there is nothing to choose', () => {
    for (const gpus of [[], ['0000:17:00.0']])
      expect(Object.keys(workerEnvironment(0, { count: 2, gpus, cores: 2 }))).toEqual(['LP_NUM_THREADS']);
  });
});

describe('listGpus', () => {
  it('gives PCI addresses, each once', () => {
    const gpus = listGpus();
    expect(gpus).toEqual(Array.from(new Set(gpus)));
    for (const gpu of gpus) expect(gpu).toMatch(/^[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-9a-f]$/);
  });
});
