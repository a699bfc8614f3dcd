// Loads a module that a user wrote. TypeScript is loaded by Node itself where it can, else through tsx.
import { register } from 'node:module';
import { extname } from 'node:path';
import { pathToFileURL } from 'node:url';
import { packageFolder } from './package-folder.ts';

/** How the names of modules end. */
export const moduleExtensions: readonly string[] = ['.ts', '.mts', '.cts', '.js', '.mjs', '.cjs'];

/** What the module at an absolute path exports. Rejects with whatever the module throws, and when it cannot be loaded. */
export async function importModule(path: string): Promise<Record<string, unknown>> {
  if (isTypeScript(path) && !nodeStripsTypes()) await enableTypeScript();
  if (packageFolder('lockstep', path) === undefined) offerOwnPackage();
  return (await import(pathToFileURL(path).href)) as Record<string, unknown>;
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
