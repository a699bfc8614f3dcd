// @ts-check
// `npm run test:rdma-vm`: the contract of the UCX bridge over RDMA, on a machine that has none, in a virtual machine.
//
//   npm run test:rdma-vm                     the contract over rc and ud; ends with the guest's exit code
//   npm run test:rdma-vm -- ucx_info -d      another command in the same guest
//
// The tests are those of test/check-ucx.ts, bundled into a few files: the guest has no vitest and little memory.

import { cpSync, realpathSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from '../../lockstep/setup/build.mjs';
import { installPackages } from '../../lockstep/setup/packages.mjs';
import { step } from '../../lockstep/setup/step.mjs';
import { runVm } from './run-vm.mjs';
import { temporaryFolder } from './stop.mjs';

const contract = `${process.stdout.isTTY ? '' : 'NO_COLOR=1 '}node --test-reporter=spec dist/guest.mjs`;
const seconds = 1200;
const memory = 3072; // MiB; the guest's files are part of it

/** @param {string} path from here */
const here = (path) => fileURLToPath(new URL(path, import.meta.url));

/**
 * The tests, the process that they start and the thread, which share what they have in common. The thread is found
 * as `../dist/thread.js` by the file that starts it, so all of that lies in one folder of that name.
 * @param {string} folder
 */
async function bundle(folder) {
  const { build } = await import('esbuild'); // there once the packages are
  await build({
    entryPoints: {
      guest: here('guest.mjs'),
      thread: here('../src/thread.ts'),
      'fixtures/ucx-rank': here('../../../test/fixtures/ucx-rank.mjs'),
    },
    outdir: join(folder, 'dist'),
    bundle: true,
    splitting: true,
    format: 'esm',
    outExtension: { '.js': '.mjs' },
    platform: 'node',
    target: 'node20',
    conditions: ['@lockstep/source'],
    alias: { vitest: here('vitest-on-node-test.mjs') },
    inject: [here('slow-clock.mjs')],
    external: ['koffi'],
    logLevel: 'warning',
  });
  writeFileSync(join(folder, 'dist/thread.js'), "import './thread.mjs';\n");
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }\n');
}

/** koffi is native code and cannot be bundled. @param {string} folder */
function copyKoffi(folder) {
  const koffi = dirname(createRequire(import.meta.url).resolve('koffi'));
  for (const name of ['koffi', '@koromix/koffi-linux-x64']) {
    cpSync(realpathSync(join(koffi, '..', name)), join(folder, 'node_modules', name), { recursive: true });
  }
}

await step('packages', () => installPackages());
await step('build', build);
const folder = temporaryFolder(join(tmpdir(), 'rdma-vm-guest-'));
await bundle(folder);
copyKoffi(folder);
process.exitCode = await runVm({ folder, command: process.argv.slice(2).join(' ') || contract, seconds, memory });
