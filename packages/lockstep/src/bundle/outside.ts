// Packages that are not bundled: `lockstep`, of which a process must have one, and those with native parts, which differ from one
// machine to the next. Each is named with its version.
import { readdirSync, readFileSync, realpathSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Plugin } from 'esbuild';
import { packageFolder } from '../load/package-folder.ts';
import { version } from '../job/versions.ts';

export interface OutsidePackage {
  readonly name: string;
  readonly version: string;
}

/** What `lockstep` is here, for who imports it by its place. */
const frontDoor = fileURLToPath(new URL('../../dist/index.js', import.meta.url));

/** Keeps those packages as imports, and adds each to `outside`. */
export function leaveOutside(outside: Map<string, OutsidePackage>): Plugin {
  return {
    name: 'outside',
    setup: (building) => {
      building.onResolve({ filter: /^[^./]/ }, ({ path, kind, resolveDir }) => {
        if (kind === 'entry-point' || isBuiltin(path)) return undefined;
        const found = outsidePackage(path, resolveDir);
        if (!found) return undefined;
        outside.set(found.name, found);
        return { path, external: true };
      });
      building.onResolve({ filter: /^file:/ }, ({ path }) => {
        const file = realpathSync(fileURLToPath(path));
        if (file !== frontDoor) return { path: file };
        outside.set('lockstep', { name: 'lockstep', version });
        return { path: 'lockstep', external: true };
      });
    },
  };
}

/** The package of an import, where it stays outside. */
function outsidePackage(specifier: string, from: string): OutsidePackage | undefined {
  const name = /^(?:@[^/]+\/)?[^/]+/.exec(specifier)![0];
  const folder = packageFolder(name, join(from, 'module.js'));
  const isOurs = name === 'lockstep' || name.startsWith('@lockstep/');
  if (isOurs) return { name, version: folder === undefined ? version : manifestOf(folder).version };
  if (folder === undefined || !isNative(folder)) return undefined;
  return { name, version: manifestOf(folder).version };
}

interface Manifest {
  readonly version: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const manifestOf = (folder: string): Manifest => JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));

const known = new Map<string, boolean>();

/** Whether a package, or one that it takes where it can, holds machine code or what is compiled to it. */
function isNative(folder: string): boolean {
  const answer =
    known.get(folder) ?? (holdsNative(folder, 4) || optionalOf(folder).some((other) => holdsNative(other, 2)));
  known.set(folder, answer);
  return answer;
}

const optionalOf = (folder: string): string[] =>
  Object.keys(manifestOf(folder).optionalDependencies ?? {}).flatMap(
    (name) => packageFolder(name, join(folder, 'module.js')) ?? [],
  );

function holdsNative(folder: string, depth: number): boolean {
  return readdirSync(folder, { withFileTypes: true }).some((entry) => {
    if (entry.isDirectory())
      return depth > 0 && entry.name !== 'node_modules' && holdsNative(join(folder, entry.name), depth - 1);
    return entry.name.endsWith('.node') || entry.name === 'binding.gyp';
  });
}
