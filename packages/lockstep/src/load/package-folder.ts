// Where an installed package lies.
import { existsSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

/** The folder of a package as a module, given by its absolute path or URL, would find it; undefined where there is none. */
export function packageFolder(name: string, module: string): string | undefined {
  const places = createRequire(module).resolve.paths(name) ?? [];
  const found = places.map((place) => join(place, name)).find((folder) => existsSync(join(folder, 'package.json')));
  return found === undefined ? undefined : realpathSync(found);
}
