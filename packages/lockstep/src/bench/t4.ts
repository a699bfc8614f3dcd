// Results in T4, the form in which auto-tuners exchange them (schema 1.0.0, which Kernel Tuner writes): a configuration for each row, its
// times in milliseconds.
import type { BenchFile, KernelRow } from './bench-file.ts';

/** A T4 file, version 1.0.0. */
export interface T4File {
  readonly schema_version: '1.0.0';
  readonly results: readonly T4Result[];
}

export interface T4Result {
  readonly timestamp: string;
  readonly configuration: Readonly<Record<string, string | number>>;
  readonly times: {
    readonly compilation: number;
    readonly benchmark: number;
    readonly framework: number;
    readonly search_algorithm: number;
    readonly validation: number;
    readonly runtimes: readonly number[];
  };
  readonly invalidity: 'correct' | 'compile' | 'runtime' | 'timeout';
  readonly correctness: 0 | 1;
  readonly measurements: readonly { readonly name: string; readonly value: number; readonly unit: string }[];
  readonly objectives: readonly string[];
}

export const t4Of = (files: readonly BenchFile[]): T4File => ({
  schema_version: '1.0.0',
  results: files.flatMap((file) => file.kernels.map((row) => resultOf(row, file))),
});

/** What the field calls each of our outcomes; what is wrong ran, but is not correct. */
const invalidity = { ok: 'correct', wrong: 'runtime', failed: 'compile', timeout: 'timeout' } as const;

function resultOf(row: KernelRow, { created, adapter }: BenchFile): T4Result {
  const { op, shape, dtype, family, constants, status } = row;
  const isMeasured = status === 'ok';
  const runtimes = isMeasured ? row.rounds.map(({ us }) => us / 1000) : [];
  const unknown = { framework: 0, search_algorithm: 0, validation: 0 };
  return {
    timestamp: created,
    configuration: { op, shape, dtype, family, adapter: adapter.description, ...constants },
    times: {
      compilation: isMeasured ? row.compileMs : 0,
      benchmark: runtimes.reduce((sum, ms) => sum + ms, 0),
      ...unknown,
      runtimes,
    },
    invalidity: invalidity[status],
    correctness: isMeasured ? 1 : 0,
    measurements: isMeasured
      ? [
          { name: 'time', value: row.us / 1000, unit: 'ms' },
          { name: 'GFLOP/s', value: row.gflops, unit: 'GFLOP/s' },
          { name: 'GB/s', value: row.gbps, unit: 'GB/s' },
        ]
      : [],
    objectives: ['time'],
  };
}
