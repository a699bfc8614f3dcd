// Loads a module that a user wrote, by way of its bundle: whatever it is written in, it is loaded alike.
import { dirname } from 'node:path';
import { pathToFileURL } from 'node:url';
import { allowBundles, keepBundle } from '../bundle/run-module.ts';

/** How the names of modules end. */
export const moduleExtensions: readonly string[] = ['.ts', '.mts', '.cts', '.js', '.mjs', '.cjs'];

/** What the module at an absolute path exports. Rejects with whatever the module throws, and when it cannot be bundled. */
export async function importModule(path: string): Promise<Record<string, unknown>> {
  return importBundle((await keepBundle(path)).path, dirname(path));
}

/** What a bundle exports. @param from the folder of the file that it was made of. */
export async function importBundle(path: string, from: string): Promise<Record<string, unknown>> {
  allowBundles(from);
  return (await import(pathToFileURL(path).href)) as Record<string, unknown>;
}
