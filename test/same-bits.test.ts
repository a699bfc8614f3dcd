// The promise that all others rest on: the weights depend neither on how many workers there are, nor on whether the run was
// interrupted. Real processes over WebSocket; the oracle is a hash.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { openUcx } from '@lockstep/rdma';
import { expect, test } from 'vitest';
import { folder, start, tinyRun, train } from './cli.ts';

test('2, 3 and 4 workers end with the weights of one', async () => {
  const { workers: _, tokensPerSecond: __, ...alone } = await train(['--workers', '1']);
  expect(alone.steps).toBe(6);
  for (const workers of [2, 3, 4])
    expect(await train(['--workers', `${workers}`])).toMatchObject({ ...alone, workers });
  // Also where each holds a part of the optimizer's memory, which checkpoints on the way bring together.
  const sharded = await train(['--workers', '3', '--set', 'optimizer.shard=true']);
  expect(sharded).toMatchObject({ ...alone, workers: 3 });
});

const ucx = await openUcx().then(
  async (opened): Promise<undefined> => {
    await opened.close();
  },
  (error: Error) => error.message,
);
const bridges: [string, string[]][] = [
  ['WebSocket', ['--bridge', 'ws']],
  ['WebSocket over TLS', ['--bridge', 'ws', '--tls']],
  ['UCX', ['--bridge', 'ucx']],
];

test.each(bridges.filter(([, args]) => !ucx || !args.includes('ucx')))(
  'and so do two workers over %s, in small buckets',
  async (_, args) => {
    const { workers: __, tokensPerSecond: ___, ...alone } = await train(['--workers', '1']);
    const bucketed = ['--workers', '2', '--bucket-bytes', '16384', ...args];
    expect(await train(bucketed)).toMatchObject({ ...alone, workers: 2 });
  },
);

if (ucx) test.skip(`and so do two workers over UCX: ${ucx}`, () => {});

test('a run that goes on from a checkpoint with other workers ends with the same weights', async () => {
  const out = join(folder(), 'run');
  const whole = await train(['--workers', '2', '--out', out]);
  for (const after of ['checkpoints/step-000006', 'model']) rmSync(join(out, after), { recursive: true });
  const resumed = await train(['--workers', '3', '--resume', '--out', out]);
  expect(resumed).toMatchObject({ steps: 6, weightsSha256: whole.weightsSha256, validationLoss: whole.validationLoss });
});

test('Ctrl-C finishes the step, keeps it, and the resumed run ends with the same weights', async () => {
  const steps = ['--steps', '40'];
  const whole = await train([...steps, '--workers', '1']);
  const out = join(folder(), 'run');
  const interrupted = start(['train', tinyRun, '--json', ...steps, '--workers', '2', '--out', out]);
  await interrupted.line(/adapter/);
  interrupted.process.kill('SIGINT');
  const { code, stderr } = await interrupted.finished;
  expect(code).toBe(0);
  expect(stderr).toContain('--resume');
  const resumed = await train([...steps, '--workers', '3', '--resume', '--out', out]);
  expect(resumed).toMatchObject({ steps: 40, weightsSha256: whole.weightsSha256 });
});
