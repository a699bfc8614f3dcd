// `npm test -- <filters>`: sets everything up, runs the tests, and ends with one line of counts, whatever happens.
// `npm run test:full -- <filters>` does the same with the tests that take minutes, which are named `*.full.test.ts`.
// @ts-check

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findChromium } from './chromium.mjs';
import { foreground } from './command.mjs';
import { setUp } from './set-up.mjs';

const full = process.argv.includes('--full');
const filters = process.argv.slice(2).filter((argument) => argument !== '--full');

/** What Dawn says about every CPU adapter, and nobody can act on. */
const chatter = /^Warning: max\w+ artificially reduced from /;

/** @returns {Promise<{ passed: number, failed: number, skipped: number }>} */
async function runTests() {
  const folder = mkdtempSync(join(tmpdir(), 'lockstep-test-'));
  const counts = join(folder, 'counts.json');
  const plain = process.stdout.isTTY ? {} : { NO_COLOR: '1' };
  const env = {
    ...plain,
    LOCKSTEP_TEST_COUNTS: counts,
    LOCKSTEP_TEST_FULL: full ? '1' : '',
    LOCKSTEP_CHROMIUM: findChromium() ?? '',
  };
  const vitest = ['node_modules/vitest/vitest.mjs', 'run', '--config', 'test/vitest.config.ts', ...filters];
  const onErrorLine = (/** @type {string} */ line) => void (chatter.test(line) || process.stderr.write(`${line}\n`));
  try {
    const code = await foreground(process.execPath, vitest, { env, onErrorLine });
    const { passed, failed, skipped } = JSON.parse(readFileSync(counts, 'utf8'));
    return { passed, skipped, failed: failed === 0 && code !== 0 ? 1 : failed };
  } catch {
    return { passed: 0, failed: 1, skipped: 0 };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const ready = await setUp({ browser: true, ucx: true, peers: true });
const { passed, failed, skipped } = ready ? await runTests() : { passed: 0, failed: 1, skipped: 0 };
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exitCode = failed === 0 ? 0 : 1;
