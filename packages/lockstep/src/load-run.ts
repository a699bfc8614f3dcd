// A run file to the run it exports.
import { stat } from 'node:fs/promises';
import { extname, resolve } from 'node:path';
import { ConfigError, parseRun, type Run } from '@lockstep/trainer';
import { loadModule } from './load-module.ts';
import { moduleExtensions } from './import-module.ts';
import { thrownWords } from './thrown-words.ts';

/**
 * Loads a run file. Relative paths count from the working directory.
 * @throws {ConfigError} for a file that is missing, does not load, or does not export a run.
 */
export async function loadRun(file: string): Promise<Run> {
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
  return parseRun(await settings(await loadModule(path, file), file), { who: file });
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
