// Going on with a run folder that somebody else may have made: its record is data.
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gpt, sgd } from '@lockstep/nn';
import { constant, defineRun, overrideRun, text } from '@lockstep/trainer';
import { claimExactly, runPaths, storedSettings, writeRunRecord } from '@lockstep/trainer/node';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { planLaunch } from './plan-launch.ts';
import { planLines, resumeLines, type RunFacts } from '../console/summary.ts';

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lockstep-plan-'));
  file = join(folder, 'run.mjs');
  await writeFile(file, source);
  await writeFile(join(folder, 'text.txt'), 'Call me Ishmael.');
});
afterEach(() => rm(folder, { recursive: true }));

const options = {
  name: 'tiny',
  model: gpt({ layers: 1, heads: 1, width: 16, context: 16 }),
  data: text('./text.txt', { tokenizer: 'bytes' }),
  optimizer: sgd(),
  schedule: constant({ peak: 0.1, warmupSteps: 50 }),
  batch: 8,
  steps: 10,
};

const source = `import { constant, defineRun, gpt, sgd, text } from 'lockstep';
export default defineRun({
  name: 'tiny',
  model: gpt({ layers: 1, heads: 1, width: 16, context: 16 }),
  data: text('./text.txt', { tokenizer: 'bytes' }),
  optimizer: sgd(),
  schedule: constant({ peak: 0.1, warmupSteps: 50 }),
  batch: 8,
  steps: 10,
});
`;

/** A run folder whose record says that it was launched with these settings. */
async function runFolder(overrides: readonly string[]): Promise<string> {
  const root = join(folder, 'theirs');
  await claimExactly(root);
  const run = storedSettings(overrideRun(defineRun(options), overrides));
  await writeRunRecord(runPaths(root).record, { run, file: 'run.mjs', overrides, launches: [] });
  return root;
}

const facts: RunFacts = {
  parameters: 1,
  vocab: 1,
  sizes: { unit: 'tokens', training: 1, validation: 1 },
  unit: 'tokens',
  data: { sha256: '', path: '' },
  rows: {},
  mathematics: {} as RunFacts['mathematics'],
  prompt: '\n',
};

it('goes on with the settings of the record, and shows them', async () => {
  const root = await runFolder(['steps=20', 'sample.prompt=Call me', 'data.validation=0.2']);
  const plan = await planLaunch(file, { resume: true, out: root, steps: 30 });
  expect(plan.run).toMatchObject({ steps: 30, sample: { prompt: 'Call me' } });
  expect(planLines(plan, facts, root).join('\n')).toContain(
    "settings steps=20 'sample.prompt=Call me' data.validation=0.2, from the folder’s record",
  );
});

it.each([
  [['data.unknown=drop', 'data.tokenizer=characters'], { unknown: 'drop', tokenizer: 'characters' }],
  [
    ['data.tokenizer={"kind":"bpe","vocab":300}', 'data.tokenizer.vocab=400'],
    { tokenizer: { kind: 'bpe', vocab: 400 } },
  ],
])('keeps what names no file: %s', async (overrides, data) => {
  const root = await runFolder(overrides);
  const plan = await planLaunch(file, { resume: true, out: root });
  expect(plan).toMatchObject({ inherited: overrides, run: { data } });
});

it.each([
  ['a module beside the folder', ['data.source=x/../theirs/evil.mjs']],
  ['a file of the system', ['data.source=/etc/hostname']],
  ['a tokenizer', ['data.tokenizer=/etc/hostname']],
  ['a tokenizer whose path looks like an object', ['data.tokenizer={"kind":"bpe"']],
  ['all of the data', ['data={"kind":"text","source":"x/../theirs/evil.mjs","tokenizer":"bytes","validation":0.1}']],
])('takes no file from the word of a record: %s', async (_, overrides) => {
  const root = await runFolder(overrides);
  await writeFile(
    join(root, 'evil.mjs'),
    `import { writeFileSync } from 'node:fs'; writeFileSync('${folder}/owned', '');`,
  );
  const refusal = await planLaunch(file, { resume: true, out: root }).catch((error: unknown) => error as Error);
  expect(refusal).toMatchObject({
    code: 'CONFIG',
    message: expect.stringMatching(
      /got a change of data\..*\nhint: if you trust that folder, give it by hand: --set \S/,
    ),
  });
  expect(existsSync(join(folder, 'owned'))).toBe(false);
});

it('takes such a setting from the command line, and says it again for the next time', async () => {
  await mkdir(join(folder, 'two words'));
  await writeFile(join(folder, 'two words', 'b.txt'), 'x');
  const setting = 'data.source=./two words/b.txt';
  const root = await runFolder([setting]);
  const plan = await planLaunch(file, { resume: true, out: root, set: [setting] });
  expect(plan).toMatchObject({ inherited: [], overrides: [setting], run: { data: { source: './two words/b.txt' } } });
  const lines = resumeLines({ file: 'run.mjs', paths: runPaths('theirs'), workers: 2, ungiven: [setting], step: 4 });
  expect(lines).toContain(
    "resume   npx lockstep train run.mjs --resume --out theirs --set 'data.source=./two words/b.txt' --workers 2",
  );
});

it('refuses a record with what is no setting', async () => {
  const root = await runFolder([]);
  const { record } = runPaths(root);
  await writeFile(record, (await readFile(record, 'utf8')).replace('"overrides": []', '"overrides": ["steps"]'));
  await expect(planLaunch(file, { resume: true, out: root })).rejects.toThrow(
    'expected the record of a run, got something else',
  );
});

it('says so where a run ends before its learning rate has reached the peak', async () => {
  const plan = await planLaunch(file, {});
  expect(planLines(plan, facts, 'runs/tiny').at(-1)).toBe(
    'note: the learning rate rises to 0.02 at most, not to its peak of 0.1: 10 steps end within the warm-up of 50; --set schedule.warmupSteps=1 would do',
  );
  expect(planLines(await planLaunch(file, { steps: 50 }), facts, 'runs/tiny').join()).not.toContain('note:');
});
