import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';

const vitest = fileURLToPath(new URL('../node_modules/vitest/vitest.mjs', import.meta.url));
const reporter = fileURLToPath(new URL('counts.ts', import.meta.url));

let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'lockstep-counts-'))));
afterEach(() => rmSync(folder, { recursive: true }));

interface Ran {
  code: number;
  lines: string[];
}

/** Runs vitest with the reporter over the given files, in a folder of their own. */
function run(files: Record<string, string>): Promise<Ran> {
  const config = { test: { globals: true, reporters: [reporter], include: ['*.test.js'] } };
  writeFileSync(join(folder, 'vitest.config.mjs'), `export default ${JSON.stringify(config)}`);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const { LOCKSTEP_TEST_COUNTS: _, ...env } = process.env;
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [vitest, 'run', '--root', folder], { env }, (_error, stdout) => {
      resolve({ code: child.exitCode ?? -1, lines: stdout.trimEnd().split('\n') });
    });
  });
}

test('what passed is counted', async () => {
  const { code, lines } = await run({ 'a.test.js': `test('one', () => {}); test.each([1, 2])('%i', () => {})` });
  expect([code, lines.at(-1)]).toEqual([0, '3 passed, 0 failed, 0 skipped']);
});

test('what is skipped is named, with its reason', async () => {
  const { code, lines } = await run({
    'a.test.js': `
      test('here', () => {});
      describe('browser', () => { test('page', ({ skip }) => skip('no Chromium')) });
      test.skip('plain', () => {});
      test.todo('later');`,
  });
  expect([code, lines.at(-1)]).toEqual([0, '1 passed, 0 failed, 3 skipped']);
  expect(lines.slice(-4, -1)).toEqual([
    'skipped: browser > page (no Chromium) in a.test.js',
    'skipped: plain (no reason given) in a.test.js',
    'skipped: later (still to be written) in a.test.js',
  ]);
});

test('failed tests, files that do not load, broken hooks and stray rejections all count as failed', async () => {
  const { code, lines } = await run({
    'a.test.js': `test('one', () => {}); test('two', () => expect(1).toBe(2))`,
    'b.test.js': `import './not-there.js'; test('three', () => {})`,
    'c.test.js': `describe('d', () => { beforeAll(() => { throw new Error('hook') }); test('four', () => {}) })`,
    'd.test.js': `test('five', () => void Promise.reject(new Error('stray')))`,
  });
  expect(lines.at(-1)).toBe('2 passed, 4 failed, 1 skipped');
  expect(code).toBe(1);
});

test('a run without a single test is a failure', async () => {
  const onlySkipped = await run({ 'a.test.js': `test.skip('one', () => {})` });
  expect([onlySkipped.code, onlySkipped.lines.at(-1)]).toEqual([1, '0 passed, 1 failed, 1 skipped']);
  const none = await run({ 'a.test.js': '' });
  expect([none.code, none.lines.at(-1)]).toEqual([1, '0 passed, 1 failed, 0 skipped']);
});
