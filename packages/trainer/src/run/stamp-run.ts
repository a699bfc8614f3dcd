// Which module a run comes from: the bundler stamps what `defineRun` makes in modules that a script imports.
import type { Run } from './run.ts';

const modules = new WeakMap<Run, string>();

/** Notes the sha256 of the module that defines a run, and gives the run back. */
export function stampRun(run: Run, module: string): Run {
  modules.set(run, module);
  return run;
}

/** The sha256 of the module that defines a run; nothing for one that no bundled module defines. */
export function moduleOf(run: Run): string | undefined {
  return modules.get(run);
}
