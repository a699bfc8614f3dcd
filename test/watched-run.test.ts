// What a run says of itself while it trains, through the real command: `onStep`, norms, early stopping, `expect`, and weights to begin with.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { type Finished, folder, run } from './cli.ts';

const file = fileURLToPath(new URL('fixtures/watched-run.ts', import.meta.url));
const train = (args: string[], cwd: string, env = {}): Promise<Finished> =>
  run(['train', file, ...args], { cwd, env: { NO_COLOR: '1', ...env } });

/** The lines at the end of a run, by their first word. */
function ending({ stdout }: Finished, word: string): string | undefined {
  return new RegExp(`^${word} +(.*)$`, 'm').exec(stdout)?.[1];
}

test('a run ends itself at the same step on any number of workers, also when it is resumed, and is as it expects', async () => {
  const cwd = folder();
  const alone = await train([], cwd);
  const ended =
    'after step 26 of 60: validation loss has been no better for 2 validations than the 2.914 after step 22';
  expect([alone.code, ending(alone, 'ended'), ending(alone, 'expect')]).toEqual([
    0,
    ended,
    'as the run expects of itself',
  ]);
  expect(alone.stdout.match(/^step \d+: 9 layers/gm)).toEqual([6, 12, 18, 24].map((step) => `step ${step}: 9 layers`));
  await train(['--steps', '24', '--workers', '2', '--out', 'parted'], cwd);
  const resumed = await train(['--resume', '--steps', '60', '--workers', '2', '--out', 'parted'], cwd);
  expect([ending(resumed, 'ended'), ending(resumed, 'weights')]).toEqual([ended, ending(alone, 'weights')]);
});

test('onStep ends a run after one more step, on all workers, and a result that was not expected is an error', async () => {
  const cwd = folder();
  const { code, stdout, stderr } = await train(['--workers', '2'], cwd, { WATCHED_STOP: '3', WATCHED_LOSS: '1' });
  expect(code).toBe(1);
  expect(stdout).toContain('after step 4 of 60: onStep asked for it');
  expect(stderr).toMatch(
    /^error watched: expected .*, got loss 2\.\d+, validation loss 3\.\d+\nhint: all that was trained is kept\n$/,
  );
  const log = readFileSync(join(cwd, 'runs/watched/metrics.jsonl'), 'utf8').trim().split('\n');
  const norms = log.map((line) => JSON.parse(line) as { norms?: object }).flatMap((line) => line.norms ?? []);
  expect(norms).toHaveLength(1);
  expect(norms[0]).toMatchObject({ 'transformer.h.0.attn.c_attn.weight': { gradient: expect.any(Number) } });
});

test('a run begins with the weights of another, whole or in part, and says what was not there', async () => {
  const cwd = folder();
  const first = await train(['--steps', '4', '--json'], cwd);
  const { loss } = JSON.parse(first.stdout) as { loss: number };
  const from = join(cwd, 'runs/watched');
  const next = await train(['--steps', '1', '--json', '--workers', '2', '--set', `from=${from}`], cwd);
  expect(next.stderr).toMatch(/^from +\S+ · 16 parameters$/m);
  expect((JSON.parse(next.stdout) as { loss: number }).loss).toBeLessThan(loss + 0.1);
  const part = JSON.stringify({ folder: from, only: ['transformer.h'] });
  const deeper = await train(['--steps', '1', '--set', 'model.layers=2', '--set', `from=${part}`], cwd);
  expect(ending(deeper, 'from')).toMatch(
    / · 12 parameters; drawn from the seed: transformer\.h\.1\.ln_1\.weight, .* and 6 more$/,
  );
});

test.each([
  ['from=nowhere', /from: expected a run or a model folder, got .*nowhere/],
  [
    'from={"folder":"FOLDER","only":["head"]}',
    /from\.only: expected beginnings .*such as transformer\.wte\.weight, .*got "head"/,
  ],
  ['validation.highest=accuracy', /validation\.highest: expected one of loss, got accuracy/],
])('a run with --set %s stops with one line', async (setting, line) => {
  const cwd = folder();
  const { code, stderr } = await train(['--set', setting.replace('FOLDER', cwd)], cwd);
  expect([code, stderr]).toEqual([2, expect.stringMatching(line)]);
});
