import { gpt, sgd } from '@lockstep/nn';
import { expect, it } from 'vitest';
import type { Batches, BatchRequest } from './data/dataset.ts';
import { text } from './data/text.ts';
import { defineRun } from './run/define-run.ts';
import { requireSameRows, sampleRows } from './sample-rows.ts';
import { constant } from './schedule.ts';

const run = defineRun({
  name: 'test',
  model: gpt({ layers: 1, heads: 1, width: 8, context: 4 }),
  data: text('a.txt'),
  optimizer: sgd(),
  schedule: constant(),
  batch: 16,
  steps: 10,
});

/** A dataset with one array, whose row is some number. */
function rows(numberOf: (request: BatchRequest) => number): { name: string; batches: () => Batches } {
  const batches = { batch: (request: BatchRequest) => ({ x: Float32Array.of(numberOf(request)) }) };
  return { name: 'waves', batches: () => batches as unknown as Batches };
}

it('samples rows that are what seed and number say', async () => {
  const sampled = await sampleRows(
    run,
    rows(({ step, shard }) => 100 * step + shard),
  );
  expect(Object.keys(sampled)).toHaveLength(6);
  expect(new Set(Object.values(sampled)).size).toBe(6);
});

it('refuses a row that is another on the second look, by name', async () => {
  let looks = 0;
  const drifting = rows(({ step, shard }) => (step === 1 && shard === 15 ? looks++ : 0));
  await expect(sampleRows(run, drifting)).rejects.toThrow(
    'waves: row 16 of step 2: expected the same bytes on every look, got others on the second',
  );
});

it('refuses a row that is another on a worker, by name', async () => {
  const launcher = rows(({ shard }) => shard);
  const [known, own] = [
    await sampleRows(run, launcher),
    await sampleRows(
      run,
      rows(() => 0),
    ),
  ];
  expect(() => requireSameRows(launcher, { known, own: known })).not.toThrow();
  expect(() => requireSameRows(launcher, { known, own })).toThrow(
    /^waves: row 16 of step 1: expected the bytes that the launcher has read, of sha256 \w{12}…, got \w{12}… on a worker$/,
  );
});
