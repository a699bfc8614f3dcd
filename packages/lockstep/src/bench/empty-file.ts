// A file of a bench before anything is measured.
import type { Device } from '@lockstep/tensor';
import { type BenchFile, benchSchema } from './bench-file.ts';

/** What runs the bench, and on what machine. */
export interface Place extends Pick<BenchFile, 'lockstep' | 'node' | 'browser' | 'webgpu' | 'machine'> {
  /** What is known of a GPU's clocks. */
  readonly clocks: string;
}

export function emptyFile({ facts, gpu }: Device, { clocks, ...place }: Place): BenchFile {
  const { vendor, architecture, isCpu: software } = facts;
  return {
    schema: benchSchema,
    created: new Date().toISOString(),
    ...place,
    adapter: {
      vendor,
      architecture,
      // Browsers tell no more.
      description: facts.description || [vendor, architecture].filter(Boolean).join(' ') || 'an adapter without a name',
      software,
      features: [...gpu.features].toSorted(),
      clocks: software ? 'of a CPU' : clocks,
    },
    ceilings: { copyGbps: 0, fmaGflops: 0 },
    dispatchUs: 0,
    kernels: [],
    steps: [],
    transfers: [],
    peers: [],
  };
}
