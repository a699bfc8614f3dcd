// Going on with a run whose file has changed: what counts is what it computes, not how it is written.
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { type Finished, folder, run, tinyRun } from './cli.ts';

const source = `import { adamW, constant, defineLoss, defineModel, defineRun, layers, ops, text } from 'lockstep';
const own = defineModel({
  name: 'own',
  create({ width }: { width: number; context: number }, { vocab }) {
    const [table, head] = [layers.embedding(vocab!, width), layers.linear(width, vocab!)];
    return { parameters: { table, head }, logits: ({ tokens }) => head(ops.relu(table(tokens))) };
  },
});
const loss = defineLoss((model, { targets, ...inputs }) => {
  const logits = model.logits(inputs);
  return { loss: ops.crossEntropy(logits, targets!), metrics: { largest: ops.mean(ops.max(logits, -1)) } };
});
export default defineRun({
  name: 'own',
  model: own({ width: 8, context: 8 }),
  loss: loss(),
  data: text('tides.txt', { tokenizer: 'characters' }),
  optimizer: adamW(),
  schedule: constant({ peak: 0.01 }),
  batch: 4,
  shards: 4,
  steps: 2,
  validation: { every: 0 },
});
`;

type Change = readonly [from: string, to: string];

/** Writes the run's file, changed. */
function write(cwd: string, [from, to]: Change = ['', '']): void {
  expect(source).toContain(from);
  writeFileSync(join(cwd, 'run.ts'), source.replace(from, to));
}

const changes: readonly (readonly [part: string, change: Change])[] = [
  ['loss', ['ops.crossEntropy(logits, targets!)', 'ops.crossEntropy(logits, targets!).mul(0.5)']],
  ['optimizer', ['adamW()', 'adamW({ weightDecay: 0.5 })']],
  ['schedule', ['peak: 0.01', 'peak: 0.02']],
];

/** The same with another setting, other names and comments. */
const sameMathematics: Change = [
  source,
  source
    .replaceAll('width', 'size')
    .replaceAll('logits = ', 'scores = /* of each token */ ')
    .replaceAll('(logits,', '(scores,'),
];

const train = (cwd: string, ...args: string[]): Promise<Finished> => run(['train', 'run.ts', ...args], { cwd });

function folderWithText(): string {
  const cwd = folder();
  copyFileSync(join(dirname(tinyRun), 'tides.txt'), join(cwd, 'tides.txt'));
  return cwd;
}

const recordOf = (cwd: string): Record<string, unknown> =>
  JSON.parse(readFileSync(join(cwd, 'runs/own/run.json'), 'utf8')) as Record<string, unknown>;

test('resuming compares what a run computes: names and comments count for nothing, and what differs is named', async () => {
  const cwd = folderWithText();
  write(cwd);
  expect(await train(cwd)).toMatchObject({ code: 0 });
  const record = recordOf(cwd);
  for (const [part, change] of changes) {
    write(cwd, change);
    const { code, stderr } = await train(cwd, '--resume', '--steps', '4');
    expect([code, stderr.split('\n')]).toEqual([
      2,
      [
        expect.stringContaining(`expected the ${part} that runs/own was begun with, got another`),
        'hint: --force goes on all the same; without --resume it is a new run',
        '',
      ],
    ]);
  }
  expect(recordOf(cwd)).toEqual(record);

  write(cwd, sameMathematics);
  const renamed = await train(cwd, '--resume', '--steps', '4', '--workers', '3');
  expect([renamed.code, renamed.stderr]).toEqual([0, expect.not.stringContaining('note')]);
  expect(renamed.stdout).toContain('from step 2');
  const { schedule: _, ...after } = recordOf(cwd)['mathematics'] as Record<string, string>;
  expect(record['mathematics']).toMatchObject(after);

  write(cwd, changes[0]![1]);
  const forced = await train(cwd, '--resume', '--steps', '5', '--force');
  expect([forced.code, forced.stdout]).toEqual([
    0,
    expect.stringMatching(/from step 4[^]*note: the loss is another than when the run began/),
  ]);

  const { mathematics: __, ...earlier } = recordOf(cwd);
  writeFileSync(join(cwd, 'runs/own/run.json'), JSON.stringify(earlier));
  const unrecorded = await train(cwd, '--resume', '--steps', '6');
  expect([unrecorded.code, unrecorded.stdout]).toEqual([
    0,
    expect.stringMatching(/from step 5[^]*only its settings have been compared/),
  ]);
});

const relu = 'ops.relu(table(tokens))';
const crossEntropy = 'ops.crossEntropy(logits, targets!)';

test.each<[string, Change, string]>([
  ['a model', [relu, `${relu}.mul(Math.random())`], 'own: expected the same model'],
  ['a loss', [crossEntropy, `${crossEntropy}.mul(Math.random())`], 'loss: expected the same loss'],
  [
    'a model that is another in each process',
    [relu, `${relu}.mul(process.pid)`],
    'own: expected the model that the launcher has recorded, got another on a worker',
  ],
])('%s that is never the same stops with one line', async (_, change, line) => {
  const cwd = folderWithText();
  write(cwd, change);
  const { code, stderr } = await train(cwd);
  expect([code, stderr]).toEqual([2, expect.stringContaining(line)]);
});

test('--force stands beside --resume', async () => {
  const cwd = folderWithText();
  write(cwd);
  expect(await train(cwd, '--force')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('hint: --resume --force'),
  });
});
