// The tests of ops as a module for a page: what they take of vitest and of Node is replaced by what keeps their checks.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Plugin } from 'esbuild';
import { bundleForPage } from './bundle.ts';

const folder = fileURLToPath(new URL('../../packages/tensor/src/ops/', import.meta.url));
const kept = fileURLToPath(new URL('collected-checks.ts', import.meta.url));

const collecting: Plugin = {
  name: 'collecting',
  setup: (building) => {
    building.onResolve({ filter: /^vitest$|^@lockstep\/tensor\/node$|\/test\/(?:check-op|gpu)\.ts$/ }, () => ({
      path: kept,
    }));
    // The package says that its modules have no effects, which its tests do have.
    building.onResolve({ filter: /\.test\.ts$/ }, ({ path }) => ({ path, sideEffects: true }));
    building.onLoad({ filter: /\/every-op-test\.ts$/ }, () => {
      const files = readdirSync(folder).filter((file) => file.endsWith('.test.ts'));
      const contents = files.map((file) => `import ${JSON.stringify(join(folder, file))};`).join('\n');
      return { contents, resolveDir: folder };
    });
  },
};

export const bundleOps = async (): Promise<string> => {
  const { outputFiles } = await bundleForPage(new URL('ops.ts', import.meta.url), { plugins: [collecting] });
  return outputFiles[0]!.text;
};
