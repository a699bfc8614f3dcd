// The code of a run that was trained, from what its folder says. A folder may come from somebody else, so nothing is executed because it
// says so: a module is looked for by its sha256 among those that this user has trained with.
import type { RunRecord } from '@lockstep/trainer/node';
import { findScriptRun } from '../bundle/keep-script.ts';
import { bundlesFolder, findBundle } from '../bundle/run-module.ts';
import { type LoadedRun, runOf } from './load-run.ts';

/** The run as its module exports it, without the settings that were put over it; nothing where this user has not trained with the module. */
export async function recordedRun({ module: sha256 }: Pick<RunRecord, 'module'>): Promise<LoadedRun | undefined> {
  if (sha256 === undefined) return undefined;
  const module =
    (await findScriptRun(sha256)) ?? (await findBundle(sha256, { folder: await bundlesFolder(process.cwd()) }));
  return module && { module, run: await runOf(module) };
}
