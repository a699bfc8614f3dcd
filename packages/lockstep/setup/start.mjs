// `npm start`: sets everything up, then becomes the `lockstep` command, so that signals and exit code are its own.
// @ts-check

import './stop-signals.mjs';
import './output.mjs';
import { setUp } from './set-up.mjs';
import { trainArguments } from './train-arguments.mjs';

if (await setUp()) {
  process.argv.splice(2, Infinity, ...trainArguments(process.argv.slice(2)));
  await import('../bin/lockstep.js');
} else {
  process.exitCode = 1;
}
