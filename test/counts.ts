// The reporter that lets nothing pass in silence: it names every skipped test with its reason and counts what ran.
// What vitest's own reporter shows already (failures, times) is left to it.

import { writeFileSync } from 'node:fs';
import type { Reporter, SerializedError, TestCase, TestModule } from 'vitest/node';

export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

export default class CountsReporter implements Reporter {
  onTestRunEnd(modules: ReadonlyArray<TestModule>, errors: ReadonlyArray<SerializedError>): void {
    const tests = modules.flatMap((module) => Array.from(module.children.allTests()));
    const skipped = tests.filter((test) => test.result().state === 'skipped');
    for (const test of skipped)
      console.log(`skipped: ${test.fullName} (${reason(test)}) in ${test.module.relativeModuleId}`);
    const counts = count(modules, tests, errors.length);
    if (counts.failed > 0) process.exitCode = 1;
    publish(counts);
  }
}

function count(modules: ReadonlyArray<TestModule>, tests: TestCase[], errors: number): Counts {
  const of = (state: string): number => tests.filter((test) => test.result().state === state).length;
  const passed = of('passed');
  // A test that was never finished has failed, as has a file that does not load and a suite whose hooks throw.
  const failed = of('failed') + of('pending') + modules.reduce((sum, module) => sum + brokenSuites(module), errors);
  return { passed, skipped: of('skipped'), failed: passed + failed === 0 ? 1 : failed };
}

function brokenSuites(module: TestModule): number {
  const suites = [module, ...module.children.allSuites()];
  return suites.filter((suite) => suite.errors().length > 0).length;
}

function reason(test: TestCase): string {
  const result = test.result();
  if (test.options.mode === 'todo') return 'still to be written';
  return (result.state === 'skipped' && result.note) || 'no reason given';
}

/** `npm test` prints the line itself, after everything else; a direct call of vitest gets it from here. */
function publish(counts: Counts): void {
  const file = process.env['LOCKSTEP_TEST_COUNTS'];
  if (file !== undefined) writeFileSync(file, JSON.stringify(counts));
  else console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
}
