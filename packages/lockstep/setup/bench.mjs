// `npm run bench -- <arguments>`: sets everything up, then runs the benchmark of a whole training step.
// @ts-check

import { join } from 'node:path';
import { foreground } from './command.mjs';
import { root } from './root.mjs';
import { setUp } from './set-up.mjs';

if (await setUp({ peers: true })) {
  const program = ['--import', 'tsx', 'step.ts', ...process.argv.slice(2)];
  process.exitCode = await foreground(process.execPath, program, { cwd: join(root, 'bench') });
} else {
  process.exitCode = 1;
}
