// A run file to the run it exports.
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { ConfigError, parseRun, type Run } from '@lockstep/trainer';
import { importModule } from './import-module.ts';

/**
 * Loads a run file. Relative paths count from the working directory.
 * @throws {ConfigError} for a file that is missing, does not load, or does not export a run.
 */
export async function loadRun(file: string): Promise<Run> {
  const path = resolve(file);
  const status = await stat(path).catch(() => undefined);
  if (!status) throw new ConfigError(`train: expected a run file, got ${file}, which does not exist`);
  if (!status.isFile()) throw new ConfigError(`train: expected a run file, got ${file}, which is a folder`);
  const value = defaultExport(await loadModule(path, file));
  if (value === undefined) {
    throw new ConfigError(`${file}: expected a default export, got none\nhint: export default defineRun({ … })`);
  }
  return parseRun(value, { who: file });
}

async function loadModule(path: string, file: string): Promise<Record<string, unknown>> {
  try {
    return await importModule(path);
  } catch (error) {
    if ((error as { code?: string }).code === 'CONFIG') throw error;
    const { name, message } = error instanceof Error ? error : { name: 'a thrown value', message: String(error) };
    throw new ConfigError(`${file}: expected a module that loads, got ${name}: ${theLine(message)}`, {
      cause: error,
    });
  }
}

/** The first line of a message, or the second where the first only announces it: that is the one with the place. */
function theLine(message: string): string {
  const [first = '', second] = message.split('\n');
  return first.endsWith(':') && second ? second : first;
}

/** A file that is loaded as CommonJS has its exports inside the default one. */
function defaultExport(module: Record<string, unknown>): unknown {
  const value = module['default'];
  const isCommonJs = typeof value === 'object' && value !== null && '__esModule' in value;
  return isCommonJs ? (value as { default?: unknown }).default : value;
}
