// Data for a loop of one's own: in a job it is prepared once, by the first worker, and known to the others by its sha256.
import { dirname } from 'node:path';
import type { Group } from '@lockstep/collectives';
import { type DataPlace, type DatasetValue, openDataset as open, type OpenData, withBatches } from '@lockstep/trainer';
import { nodePlace, type PreparedData, preparedPlace } from '@lockstep/trainer/node';

/**
 * Opens a dataset: in a job, where the first worker finds, reads and tokenises it, and the others open what it has prepared; or at a place
 * where data is kept. Paths count from the script's folder.
 * @throws {ConfigError} for data that cannot be had.
 */
export async function openDataset(value: DatasetValue, at: Group | DataPlace = ownPlace()): Promise<OpenData> {
  if (!('allGatherValues' in at)) return withBatches(await open(value, at));
  const own = at.rank === 0 ? await open(value, ownPlace()) : undefined;
  const prepared = own && { sha256: own.sha256, path: own.path };
  const [first] = (await at.allGatherValues(prepared ?? null)) as [PreparedData];
  return withBatches(own ?? (await open(value, preparedPlace(first))));
}

function ownPlace(): DataPlace {
  return nodePlace({ from: dirname(process.argv[1] ?? '.') });
}
