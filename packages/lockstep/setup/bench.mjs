// `npm run bench -- <arguments>`: sets everything up, then runs the benchmark of a whole training step, or, where the first
// argument names another, that of products or of collectives.
// @ts-check

import './stop-signals.mjs';
import './output.mjs';
import { join } from 'node:path';
import { foreground } from './command.mjs';
import { root } from './root.mjs';
import { setUp } from './set-up.mjs';

const [name, ...rest] = process.argv.slice(2);
const others = ['products', 'collectives'];
const bench = others.includes(name ?? '') ? [`${name}.ts`, ...rest] : ['step.ts', ...process.argv.slice(2)];

if (await setUp({ peers: true })) {
  const program = ['--import', 'tsx', ...bench];
  process.exitCode = await foreground(process.execPath, program, { cwd: join(root, 'bench') });
} else {
  process.exitCode = 1;
}
