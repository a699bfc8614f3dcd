// Which rows of the data a step takes: those of whatever shards are asked for.
import type { ShardRange } from '@lockstep/collectives';
import type { BatchPart, Batches } from './data/dataset.ts';
import type { Run } from './run/run.ts';
import type { BatchSource } from './step.ts';

/** @param step steps taken before. */
export function trainingBatch(run: Run, batches: Batches, step: number): BatchSource {
  return (range) => batches.batch({ step, seed: run.seed, ...partOf(run, range) });
}

/** @param index of the batch in each validation. */
export function validationBatch(run: Run, batches: Batches, index: number): BatchSource {
  return (range) => batches.validationBatch(index, partOf(run, range));
}

function partOf({ batch, shards }: Run, { lo, hi }: ShardRange): BatchPart {
  return { shard: lo, count: hi - lo, shards, batchSize: batch };
}
