// A script's bundle, with those of the runs that it imports: what its workers execute, and what a `train` in it starts workers with.
import { dirname } from 'node:path';
import { ConfigError } from '@lockstep/errors';
import * as z from 'zod';
import { bundlesFolder, findBundle, keepBundle, type RunModule } from './run-module.ts';

/** What the processes of a script execute. */
export interface ScriptModule {
  readonly path: string;
  /** What they find in their environment besides. */
  readonly environment: Readonly<Record<string, string>>;
}

/** Where the bundles of a script's runs are kept, and the file that each was made of, by the bundle's sha256. */
const runsSchema = z.object({ folder: z.string(), files: z.record(z.string(), z.string()) });
const variable = 'LOCKSTEP_BUNDLES';

/**
 * Bundles a script and the runs that it imports.
 * @throws {ConfigError} with file and line, for code that cannot be bundled, and for two run files that have the same code: what they
 * name by relative paths may differ, and one of them would be taken for the other.
 */
export async function keepScript(script: string): Promise<ScriptModule> {
  const folder = await bundlesFolder(dirname(script));
  const files: Record<string, string> = {};
  const stamp = async (module: string): Promise<string> => {
    const { sha256, file } = await keepBundle(module, { into: folder });
    const other = (files[sha256] ??= file);
    if (other !== file)
      throw new ConfigError(
        `${script}: expected run files that differ, got the same code in ${other} and ${file}\nhint: import one of them, or give their runs different names`,
      );
    return sha256;
  };
  const { path } = await keepBundle(script, { into: folder, stamp });
  return { path, environment: { [variable]: JSON.stringify({ folder, files }) } };
}

/** The bundle of a run that the script imports which this process executes, by its sha256; nothing in another process. */
export async function findScriptRun(sha256: string): Promise<RunModule | undefined> {
  const value = process.env[variable];
  if (value === undefined) return undefined;
  const { folder, files } = runsSchema.parse(JSON.parse(value));
  return findBundle(sha256, { folder, file: files[sha256] });
}
