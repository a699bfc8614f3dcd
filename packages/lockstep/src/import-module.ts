// Loads a module that a user wrote. TypeScript is loaded by Node itself where it can, else through tsx.
import { existsSync } from 'node:fs';
import { createRequire, register } from 'node:module';
import { extname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** How the names of modules end. */
export const moduleExtensions: readonly string[] = ['.ts', '.mts', '.cts', '.js', '.mjs', '.cjs'];

/** What the module at an absolute path exports. Rejects with whatever the module throws, and when it cannot be loaded. */
export async function importModule(path: string): Promise<Record<string, unknown>> {
  if (isTypeScript(path) && !nodeStripsTypes()) await enableTypeScript();
  if (!findsOwnPackage(path)) offerOwnPackage();
  return (await import(pathToFileURL(path).href)) as Record<string, unknown>;
}

function findsOwnPackage(path: string): boolean {
  const places = createRequire(path).resolve.paths('lockstep') ?? [];
  return places.some((place) => existsSync(join(place, 'lockstep', 'package.json')));
}

let isOffered = false;

function offerOwnPackage(): void {
  if (!isOffered) register(new URL('../dist/own-package-hooks.js', import.meta.url)); // Node 20 takes no hooks from TypeScript;
  isOffered = true;
}

const isTypeScript = (path: string): boolean => /^\.[cm]?ts$/.test(extname(path));

function nodeStripsTypes(): boolean {
  return Boolean((process.features as { typescript?: unknown }).typescript);
}

async function enableTypeScript(): Promise<void> {
  (await import('tsx/esm/api')).register();
  register(new URL('./run-file-hooks.js', import.meta.url));
}
