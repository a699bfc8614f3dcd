// Imports by a name that is put together, such as import(`./models/${name}.ts`). The bundler would take along every file that may be
// meant; a run says what it executes.
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Metafile } from 'esbuild';
import { ConfigError } from '@lockstep/trainer';

/** @throws {ConfigError} with file and line. `folder` is what paths of inputs count from. */
export async function refusePatterns({ inputs }: Metafile, folder: string): Promise<void> {
  for (const [input, { imports }] of Object.entries(inputs)) {
    const pattern = imports.find(({ path, external, original }) => external && !original && isPattern(path));
    if (!pattern) continue;
    const file = resolve(folder, input);
    throw computed(file, lineOf(await readFile(file, 'utf8'), pattern.path.split('*')[0]!));
  }
}

/** What the bundler makes of such a name. */
const isPattern = (path: string): boolean => /^\.\.?\/.*\*/.test(path);

/** The line of the import whose name begins so. */
function lineOf(text: string, beginning: string): number {
  const lines = text.split('\n');
  const at = lines.findIndex((line) => /\b(?:import|require)\s*\(/.test(line) && line.includes(beginning));
  return Math.max(at, 0) + 1;
}

export const computed = (file: string, line: number): ConfigError =>
  new ConfigError(
    `${file}:${line}: expected an import of a literal, got an import that is computed\nhint: a run is bundled, so that all it executes is known before it starts`,
  );
