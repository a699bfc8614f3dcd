// What the scripts that users are shown promise: the same weights whoever computes them, and what they expect of themselves.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { folder, run, start } from './cli.ts';
import { example, trainExample } from './examples.ts';

const minutes = 60_000;
const short = [
  '--steps',
  '4',
  '--set',
  'validation.every=4',
  '--set',
  'validation.batches=1',
  '--set',
  'checkpoint.every=2',
];

describe.each(['modern', 'masked', 'digits'])('%s', (name) => {
  test(
    'has the weights of one worker on 2, 3 and 4, whether each holds all of the optimizer or a part',
    { timeout: 5 * minutes },
    async () => {
      const { weightsSha256, validationLoss } = await trainExample(name, [...short, '--workers', '1']);
      for (const workers of ['2', '3', '4'])
        for (const shard of ['true', 'false'])
          expect(
            await trainExample(name, [...short, '--workers', workers, '--set', `optimizer.shard=${shard}`]),
            `${workers} workers, shard ${shard}`,
          ).toMatchObject({ weightsSha256, validationLoss });
    },
  );
});

test(
  'a loop of one’s own has one hash on 1, 2, 3 and 4 workers, and after it was stopped and resumed',
  { timeout: 5 * minutes },
  async () => {
    const cwd = folder();
    expect(await run(['train', example('modern'), ...short, '--workers', '2'], { cwd })).toMatchObject({ code: 0 });
    const hashIn = (text: string): string | undefined => /sha256 ([0-9a-f]{64})/.exec(text)?.[1];
    const loop = ['run', example('own-loop')];
    const hashes = new Set<string | undefined>();
    for (const workers of ['1', '2', '3', '4']) {
      const { code, stdout, stderr } = await run([...loop, '--workers', workers, '--out', `loop-${workers}`], { cwd });
      expect(code, stderr).toBe(0);
      hashes.add(hashIn(stdout));
    }
    const stopped = start([...loop, '--workers', '2', '--out', 'loop'], { cwd });
    await stopped.line(/60 \d/);
    stopped.process.kill('SIGINT');
    expect(await stopped.finished).toMatchObject({ code: 0, stderr: expect.stringMatching(/stopped after step \d+/) });
    const resumed = await run([...loop, '--workers', '3', '--out', 'loop', '--resume'], { cwd });
    hashes.add(hashIn(resumed.stdout));
    expect([...hashes]).toEqual([expect.stringMatching(/^[0-9a-f]{64}$/)]);
  },
);

test.each(['digits', 'lion', 'masked'])(
  '%s learns what it expects of itself',
  async (name) => expect(await trainExample(name, [])).toMatchObject({ asExpected: true }),
  5 * minutes,
);

test('a sweep trains six runs, prints a table and draws a chart', { timeout: 5 * minutes }, async () => {
  const cwd = folder();
  const { code, stdout, stderr } = await run(['run', example('sweep'), '--', '2'], { cwd });
  expect(code, stderr).toBe(0);
  expect(stdout.match(/^│ +\d +│/gm)).toHaveLength(6);
  expect(existsSync(join(cwd, 'sweep.svg'))).toBe(true);
});
