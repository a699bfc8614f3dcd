// Where a model lies in what people name: its own folder, a run's, or a checkpoint's.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError } from '@lockstep/errors';
import { listCheckpoints, verifyCheckpoint } from './checkpoint.ts';
import { runPaths } from './run-directory.ts';

/**
 * Where there is a model: in a run's folder, else in its latest checkpoint; or the folder itself.
 * @param who asks, for messages. @throws {ConfigError} for a folder that has none. @throws {CheckpointError} for a damaged checkpoint.
 */
export async function findModelFolder(folder: string, { who }: { who: string }): Promise<string> {
  const { model, checkpoints } = runPaths(folder);
  const found = [folder, model].find((path) => existsSync(join(path, 'config.json')));
  if (found !== undefined) return found;
  const latest = (await listCheckpoints(checkpoints)).at(-1);
  if (!latest) {
    throw new ConfigError(
      `${who}: expected a run or a model folder, got ${folder}\nhint: it holds neither model/, checkpoints/ nor config.json`,
    );
  }
  await verifyCheckpoint(latest.path);
  return latest.path;
}
