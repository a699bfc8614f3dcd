// How a training ends before its end, through the built command: signals to any of its processes, readers that go away.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, closeSync, existsSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { folder, start, type Started, tinyRun } from '../../../../test/cli.ts';

const bin = fileURLToPath(new URL('../../bin/lockstep.js', import.meta.url));
const env = { NO_COLOR: '1' };

/** The workers of a launcher, once all have been started. Linux tells. */
async function workersOf({ process: { pid } }: Started, count: number): Promise<number[]> {
  const children = (): number[] =>
    readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number).filter(isWorker);
  await expect.poll(children, { timeout: 30_000 }).toHaveLength(count);
  return children();
}

function isWorker(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('/job/worker.js\0');
  } catch {
    return false; // it has ended
  }
}

/** Starts `lockstep` with its stdout on a device that is always full. */
async function onFullDevice(args: readonly string[], cwd: string): Promise<{ code: number; stderr: string }> {
  const full = openSync('/dev/full', 'w');
  const child = spawn(process.execPath, [bin, ...args], {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', full, 'pipe'],
  });
  closeSync(full);
  let stderr = '';
  child.stderr!.setEncoding('utf8').on('data', (part: string) => (stderr += part));
  const [code] = (await once(child, 'close')) as [number];
  return { code, stderr };
}

it('goes on without a reader, stops all workers within a validation when one gets a signal, and takes its steps again', async () => {
  const cwd = folder();
  const root = join(cwd, 'runs/tiny');
  const endless = ['--set', 'validation={"every":1,"batches":10000}', '--workers', '2'];
  const launcher = start(['train', tinyRun, ...endless], { cwd, env });
  await launcher.line(/^step 1\//);
  launcher.process.stdout!.destroy();
  const [, second] = await workersOf(launcher, 2);
  process.kill(second!, 'SIGHUP'); // the one that UCX would like to have
  const { code, stderr } = await launcher.finished;
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(readdirSync(root).toSorted()).toEqual(['checkpoints', 'loss.svg', 'metrics.jsonl', 'run.json']);
  expect(readdirSync(join(root, 'checkpoints'))).toEqual(['step-000001']);
  const metrics = join(root, 'metrics.jsonl');
  expect(readFileSync(metrics, 'utf8')).toMatch(/^\{"step":1,"loss":[^\n]+\n$/);

  // As if it had gone on after its last checkpoint, and been killed.
  appendFileSync(metrics, '{"step":2,"loss":99}\n{"step":2,"validationLoss":99}\n{"step":7,"loss":99}\n{"step":8,');
  appendFileSync(join(root, 'samples.txt'), '─── after step 7 ───\nnever\n\n');
  const args = ['train', tinyRun, '--resume', '--steps', '2', '--set', 'validation.batches=1', '--json'];
  const resumed = await onFullDevice(args, cwd);
  expect(resumed).toEqual({ code: 1, stderr: expect.stringMatching(/^error stdout: expected .*, got ENOSPC$/m) });
  const steps = readFileSync(metrics, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { step: number });
  expect(steps.map(({ step }) => step)).toEqual([1, 2, 2]);
  expect(readFileSync(metrics, 'utf8')).not.toContain('99}');
  expect(readFileSync(join(root, 'samples.txt'), 'utf8')).toBe('');
  expect(readdirSync(root)).toContain('model');
});

it('ends with the code of the signal before the first step, also where only a worker gets it, and leaves nothing', async () => {
  const cwd = folder();
  const launcher = start(['train', tinyRun, '--workers', '2'], { cwd, env });
  const [first] = await workersOf(launcher, 2);
  process.kill(first!, 'SIGTERM');
  const { code, stderr, stdout } = await launcher.finished;
  expect({ code, stderr }).toEqual({ code: 143, stderr: '' });
  expect(stdout).toMatch(/^stopped before the first step$/m);
  expect(existsSync(join(cwd, 'runs/tiny'))).toBe(false);
});
