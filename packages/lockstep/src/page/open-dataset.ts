// Data for a loop of one's own, in a page: kept in memory.
import {
  type DataPlace,
  type DatasetValue,
  memoryPlace,
  openDataset as open,
  type OpenData,
  withBatches,
} from '@lockstep/trainer';

/** Opens a dataset, whose rows are kept in memory. @throws {ConfigError} for data that cannot be had. */
export async function openDataset(value: DatasetValue, place: DataPlace = memoryPlace): Promise<OpenData> {
  return withBatches(await open(value, place));
}
