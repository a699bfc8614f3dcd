// How all tests are run: from the repository's root, on the packages' sources, with no build in between.

import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { applyDriver } from '../packages/lockstep/setup/environment.mjs';

applyDriver();

// Processes and not threads, for Dawn lives once in a process; each with its share of the cores, for a CPU adapter
// takes all it gets.
const cores = availableParallelism();
const workers = Math.min(cores, 4);
process.env['LP_NUM_THREADS'] ??= String(Math.max(1, Math.floor(cores / workers)));

// What takes minutes is asked for by `npm run test:full`, and by nothing else.
const isFull = Boolean(process.env['LOCKSTEP_TEST_FULL']);

const conditions = ['@lockstep/source'];

export default defineConfig({
  root: fileURLToPath(new URL('..', import.meta.url)),
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    include: [`{packages,kernels,bench,test}/**/*.${isFull ? 'full.test' : 'test'}.ts`],
    exclude: [
      '**/node_modules/**',
      '**/dist/**',
      // The checks of ops and optimizers are loaded by ops.test.ts, all on one device.
      'packages/tensor/src/ops/**',
      'packages/nn/src/optimizers/**',
      ...(isFull ? [] : ['**/*.full.test.ts']),
    ],
    // Bundles of run files are Node's to load, as they are where no test runs.
    server: { deps: { external: [/\/bundles\/[0-9a-f]{64}\//] } },
    pool: 'forks',
    maxWorkers: workers,
    // Files of one process share its modules, and so its device and compiled pipelines.
    isolate: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    slowTestThreshold: 5_000,
    reporters: ['default', fileURLToPath(new URL('counts.ts', import.meta.url))],
  },
});
