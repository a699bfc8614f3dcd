// `npm run docs`: sets up what is needed, then writes the guides and the documentation of every exported name to docs/dist.
// @ts-check

import './stop-signals.mjs';
import './output.mjs';
import { join } from 'node:path';
import { foreground } from './command.mjs';
import { installPackages } from './packages.mjs';
import { build } from './build.mjs';
import { root } from './root.mjs';
import { step } from './step.mjs';

const docs = join(root, 'docs');

try {
  await step('packages', () => installPackages());
  await step('build', build); // the sources import kernels that are generated
  const typedoc = ['node_modules/typedoc/bin/typedoc', '--logLevel', 'Warn'];
  process.exitCode = await foreground(process.execPath, typedoc, { cwd: docs });
  if (process.exitCode === 0) console.log('open docs/dist/index.html in a browser');
} catch {
  process.exitCode = 1; // the step has told the reason
}
