// Generates the kernels' typed constants and the CPU's arithmetic, and compiles the packages to their `dist`; tsc itself knows what is stale.
// @ts-check

import { command } from './command.mjs';

/** @returns {Promise<string>} what was done */
export async function build() {
  await command(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'kernels/parser.tsconfig.json']);
  await command(process.execPath, ['kernels/generate.mjs']);
  await command(process.execPath, ['packages/collectives/generate.mjs']);
  await command(process.execPath, ['node_modules/typescript/bin/tsc', '-b', 'packages/lockstep']);
  return 'kernels generated, packages compiled';
}
