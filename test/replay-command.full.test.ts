// A gradient of a past step, from what a run of two workers left: through the real command.
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { loadSafetensors } from 'lockstep';
import { expect, test } from 'vitest';
import { type Finished, folder, run, scriptFolder, tinyRun } from './cli.ts';

const env = { NO_COLOR: '1' };
const minutes = 60_000;

/** Added in pairs, as the tree of shards is, with results below the normal range as zeros. */
function sumOf(shards: readonly Float32Array[]): Float32Array {
  if (shards.length === 1) return shards[0]!;
  const half = shards.length / 2;
  const [a, b] = [sumOf(shards.slice(0, half)), sumOf(shards.slice(half))];
  return a.map((value, i) => {
    const sum = Math.fround(value + b[i]!);
    return Math.abs(sum) < 2 ** -126 ? 0 : sum;
  });
}

test(
  'the gradients of all shards of a step, added along the tree, are that of the batch, and its loss is the one logged',
  { timeout: 3 * minutes },
  async () => {
    const cwd = folder();
    const replay = (...args: string[]): Promise<Finished> => run(['replay', 'runs/tiny', ...args], { cwd, env });
    const trained = await run(['train', tinyRun, '--workers', '2', '--set', 'shards=2'], { cwd, env });
    expect(trained.code, trained.stderr).toBe(0);

    const whole = await replay('--step', '6', '--out', 'whole.safetensors');
    expect(whole.stdout).toMatch(
      /^from +the checkpoint after step 4, on .*\nchecked +2 steps taken again: the losses are those that were logged\n/,
    );
    for (const shard of ['0', '1']) await replay('--step', '6', '--shard', shard, '--out', `${shard}.safetensors`);
    const [all, ...shards] = await Promise.all(
      ['whole', '0', '1'].map((name) => loadSafetensors(join(cwd, `${name}.safetensors`))),
    );
    expect(all!.size).toBe(28);
    for (const [name, { data }] of all!) expect(data, name).toEqual(sumOf(shards.map((one) => one.get(name)!.data)));

    const far = await replay('--step', '7');
    expect([far.code, far.stderr]).toEqual([2, 'error replay: expected a step from 1 to 6, got 7\n']);
    const wide = await replay('--step', '6', '--shard', '2');
    expect([wide.code, wide.stderr]).toEqual([2, 'error replay: expected a shard from 0 to 1, got 2\n']);
    const log = join(cwd, 'runs/tiny/metrics.jsonl');
    writeFileSync(log, readFileSync(log, 'utf8').replace('{"step":5,"loss":', '{"step":5,"loss":1'));
    const other = await replay('--step', '6');
    expect(other.code).toBe(1);
    expect(other.stderr).toMatch(
      /^error replay: expected the losses that were logged, got others: step 5 has a loss of 3\./,
    );
  },
);

test(
  'code is taken from what this user has trained with, or named by hand: never because a record says so',
  { timeout: 3 * minutes },
  async () => {
    const cwd = folder();
    await run(['train', tinyRun, '--steps', '2'], { cwd, env });
    const elsewhere = { ...env, LOCKSTEP_CACHE: folder() };
    const refused = await run(['replay', 'runs/tiny', '--step', '1'], { cwd, env: elsewhere });
    expect([refused.code, refused.stderr]).toEqual([
      2,
      expect.stringMatching(/^error replay: expected the code of runs\/tiny, .*\nhint: --run names the run file\n$/),
    ]);
    const named = await run(['replay', 'runs/tiny', '--step', '1', '--run', tinyRun], { cwd, env: elsewhere });
    expect([named.code, named.stderr]).toEqual([0, '']);
    const changed = await run(['replay', 'runs/tiny', '--step', '1', '--set', 'seed=12'], { cwd, env });
    expect([changed.code, changed.stderr]).toEqual([2, expect.stringContaining('got a change of seed: 11, now 12')]);
  },
);

test('a loss that has changed since is named, though all settings are the same', { timeout: 3 * minutes }, async () => {
  const cwd = scriptFolder('');
  copyFileSync(join(dirname(tinyRun), 'tides.txt'), join(cwd, 'tides.txt'));
  const write = (file: string, share: number): void => {
    const tiny = readFileSync(tinyRun, 'utf8')
      .replace('import {', 'import { defineLoss, ops,')
      .replace("name: 'tiny',", "name: 'tiny',\n  loss: part(),")
      .replace(
        'export default',
        `const part = defineLoss((model, { targets, ...inputs }) => ({
          loss: ops.crossEntropy(model.logits(inputs), targets).mul(${share}) }));\nexport default`,
      );
    writeFileSync(join(cwd, file), tiny);
  };
  write('half.ts', 0.5);
  write('quarter.ts', 0.25);
  const trained = await run(['train', 'half.ts', '--steps', '2'], { cwd, env });
  expect(trained.code, trained.stderr).toBe(0);
  const { code, stderr } = await run(['replay', 'runs/tiny', '--step', '1', '--run', 'quarter.ts'], { cwd, env });
  expect([code, stderr]).toEqual([
    2,
    'error replay: expected the loss that runs/tiny was trained with, got another\nhint: --run names the file as it was then\n',
  ]);
});
