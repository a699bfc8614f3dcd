// Some rows of a run's data, as the trainer reads them: each is to be the same bytes on every look, and for every worker.
import { ConfigError } from '@lockstep/errors';
import type { BatchArrays } from './batch.ts';
import type { Dataset } from './data/dataset.ts';
import type { Run } from './run/run.ts';
import { sha256Hex } from './sha256-hex.ts';

/** The sha256 of some rows, by what they are called in messages. */
export type SampledRows = Readonly<Record<string, string>>;

type RowsOf = Pick<Dataset, 'name' | 'batches'>;

/** Steps whose first and last row are looked at; those after the first are of later epochs, maybe. */
const sampledSteps = [0, 1, 1000];

/** Reads some rows. @throws {ConfigError} for one that is another on the second look. */
export async function sampleRows(run: Run, dataset: RowsOf): Promise<SampledRows> {
  const [first, second] = [await readRows(run, dataset), await readRows(run, dataset)];
  const other = Object.keys(first).find((row) => first[row] !== second[row]);
  if (other === undefined) return first;
  throw new ConfigError(
    `${dataset.name}: ${other}: expected the same bytes on every look, got others on the second\nhint: a row depends on seed and number alone`,
  );
}

/** @throws {ConfigError} where a worker has read another row than the launcher. */
export function requireSameRows({ name }: RowsOf, { known, own }: { known: SampledRows; own: SampledRows }): void {
  const other = Object.keys(known).find((row) => known[row] !== own[row]);
  if (other === undefined) return;
  throw new ConfigError(
    `${name}: ${other}: expected the bytes that the launcher has read, of sha256 ${known[other]!.slice(0, 12)}…, got ${own[other]?.slice(0, 12) ?? 'nothing'}… on a worker`,
  );
}

async function readRows({ batch: batchSize, seed, model }: Run, dataset: RowsOf): Promise<SampledRows> {
  const { batch } = dataset.batches(model);
  const sampled = sampledSteps.flatMap((step) =>
    [...new Set([0, batchSize - 1])].map(async (row) => {
      // As many shards as rows, so that a shard is a row.
      const arrays = batch({ step, seed, shard: row, shards: batchSize, batchSize });
      return [`row ${row + 1} of step ${step + 1}`, await sha256Of(arrays)] as const;
    }),
  );
  return Object.fromEntries(await Promise.all(sampled));
}

async function sha256Of(arrays: BatchArrays): Promise<string> {
  const hashes = Object.entries(arrays).map(async ([name, { buffer, byteOffset, byteLength }]) => {
    const bytes = Uint8Array.from(new Uint8Array(buffer, byteOffset, byteLength));
    return `${name} ${await sha256Hex(bytes)}`;
  });
  return sha256Hex(new TextEncoder().encode((await Promise.all(hashes)).toSorted().join('\n')));
}
