// A run file to its bundle, and to the run that this exports.
import { stat } from 'node:fs/promises';
import { extname, resolve } from 'node:path';
import { ConfigError, defineRun, isRun, type Run, type RunOptions } from '@lockstep/trainer';
import { keepBundle, type RunModule } from '../bundle/run-module.ts';
import { loadBundle } from './load-module.ts';
import { moduleExtensions } from './import-module.ts';
import { thrownWords } from '../console/thrown-words.ts';

/** A run, and the module that exports it. */
export interface LoadedRun {
  readonly run: Run;
  readonly module: RunModule;
}

/**
 * Loads a run file. Relative paths count from the working directory.
 * @throws {ConfigError} for a file that is missing, cannot be bundled, does not load, or does not export a run.
 */
export async function loadRun(file: string): Promise<Run> {
  return (await loadRunModule(file)).run;
}

/** As {@link loadRun}, with the bundle that workers import. */
export async function loadRunModule(file: string): Promise<LoadedRun> {
  const module = await keepBundle(await findRunFile(file));
  return { run: await runOf(module, file), module };
}

/** The run that a bundle exports. @param file what messages call it. @throws {ConfigError} */
export async function runOf(module: RunModule, file: string = module.file): Promise<Run> {
  return asRun(await settings(await loadBundle(module, file), file), file);
}

async function findRunFile(file: string): Promise<string> {
  const path = resolve(file);
  const status = await stat(path).catch(() => undefined);
  if (!status) throw new ConfigError(`train: expected a run file, got ${file}, which does not exist`);
  if (!status.isFile())
    throw new ConfigError(
      `train: expected a run file, got ${file}, which is ${status.isDirectory() ? 'a folder' : 'no file'}`,
    );
  if (!moduleExtensions.includes(extname(path)))
    throw new ConfigError(
      `train: expected a run file, got ${file}\nhint: a run file is code, its name ends with ${moduleExtensions.join(', ')}`,
    );
  return path;
}

/** Settings of a run that were not given to `defineRun` are checked here. */
function asRun(value: object, file: string): Run {
  if (isRun(value)) return value;
  try {
    return defineRun(value as RunOptions);
  } catch (error) {
    if (error instanceof ConfigError)
      throw new ConfigError(error.message.replace(/^defineRun/, file), { cause: error });
    throw error;
  }
}

/** What a run may be. @throws {ConfigError} for an export that is none by its kind. */
async function settings(module: Record<string, unknown>, file: string): Promise<object> {
  const value = defaultExport(module);
  if (value instanceof Promise) throw await promiseRefused(value, file);
  if (typeof value === 'object' && value !== null) return value;
  const got = value === undefined ? 'none' : typeof value === 'function' ? 'a function' : thing(value);
  throw new ConfigError(
    `${file}: expected a run as its default export, got ${got}\nhint: export default defineRun({ … })`,
  );
}

const thing = (value: unknown): string => JSON.stringify(value) ?? typeof value;

async function promiseRefused(promise: Promise<unknown>, file: string): Promise<ConfigError> {
  const expected = `${file}: expected a run as its default export, got a promise`;
  const hint = '\nhint: export default await …';
  const rejected = promise.then(
    () => '',
    (reason) => ` that was rejected with ${thrownWords(reason)}`,
  );
  const how = await Promise.race([rejected, new Promise<string>((resolve) => setImmediate(resolve, ''))]);
  return new ConfigError(`${expected}${how || hint}`);
}

/** A file that is loaded as CommonJS has its exports inside the default one. */
function defaultExport(module: Record<string, unknown>): unknown {
  const value = module['default'];
  const isCommonJs = typeof value === 'object' && value !== null && '__esModule' in value;
  return isCommonJs ? (value as { default?: unknown }).default : value;
}
