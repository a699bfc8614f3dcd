// @ts-check
// What the bridge's tests use of vitest, over Node's own runner: vitest itself brings a bundler along.
// Every test runs in a process of its own, for UCX may abort, and that is a result of one test and not of all.

import { execFile } from 'node:child_process';
import { afterEach as nodeAfterEach, describe, test as nodeTest } from 'node:test';
import { format } from 'node:util';
import { JestAsymmetricMatchers, JestChaiExpect, JestExtend, chai } from '@vitest/expect';

const timeout = 60_000; // emulation takes 3 to 15 s, and more where others are at work

/** Which test this process runs; nothing in the first process, which starts the others. */
const own = process.argv[2] === undefined ? undefined : Number(process.argv[2]);
let count = 0;

for (const plugin of [JestExtend, JestChaiExpect, JestAsymmetricMatchers]) chai.use(plugin);
const { expect } = chai;

/** @param {string} name @param {() => unknown} body */
function test(name, body) {
  const number = count++;
  if (own === undefined) void nodeTest(name, () => runAlone(number));
  else if (own === number) void nodeTest(name, { timeout }, async () => void (await body()));
}

/** @param {number} number @returns {Promise<void>} */
function runAlone(number) {
  const args = ['--test-reporter=tap', process.argv[1] ?? '', String(number)];
  return new Promise((resolve, reject) => {
    execFile(process.execPath, args, { timeout: timeout + 20_000, killSignal: 'SIGKILL' }, (error, stdout, stderr) => {
      if (!error && /^# pass 1$/m.test(stdout)) return resolve();
      console.log(`${stderr}${stdout}`.trimEnd());
      reject(
        new Error(`expected the process of one test to pass it, got ${error?.signal ?? error?.code ?? 'no test'}`),
      );
    });
  });
}

/** @template T @param {readonly T[]} cases */
test.each = (cases) => (/** @type {string} */ name, /** @type {(value: T) => unknown} */ body) => {
  for (const value of cases) test(format(name, value), () => body(value));
};

/** @param {() => Promise<void>} hook */
function afterEach(hook) {
  if (own !== undefined) nodeAfterEach(hook);
}

/** A test that looks at the others from outside. @param {string} name @param {() => void} body */
function inFirstProcess(name, body) {
  if (own === undefined) void nodeTest(name, body);
}

export { afterEach, describe, expect, inFirstProcess, test };
