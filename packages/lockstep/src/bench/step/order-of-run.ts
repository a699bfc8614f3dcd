// The first step of a run, to be measured as it is trained: with its own rows.
import { dirname } from 'node:path';
import { openDataset } from '@lockstep/trainer';
import { nodePlace } from '@lockstep/trainer/node';
import { loadRunModule } from '../../load/load-run.ts';
import { plural } from '../../console/wording.ts';
import type { StepOrder } from './measure-step.ts';

/** @throws {ConfigError} for a run file that is none, and data that cannot be had. */
export async function orderOfRun(file: string): Promise<StepOrder> {
  const { run, module } = await loadRunModule(file);
  const { name, model, loss, optimizer, batch, shards, seed } = run;
  const dataset = await openDataset(run.data, nodePlace({ from: dirname(module.file), code: module.sha256 }));
  const { inputs, batch: rowsOf, unitsPerRow } = dataset.batches(model);
  const rows = rowsOf({ step: 0, seed, shard: 0, count: shards, shards, batchSize: batch });
  const { facts } = dataset;
  dataset.close();
  return {
    name,
    of: `batch ${batch} × ${unitsPerRow}, ${plural(shards, 'shard')}`,
    model,
    facts,
    loss,
    optimizer,
    shape: { batch, shards, inputs },
    rows,
  };
}
