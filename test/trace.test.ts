// What `lockstep train --trace` writes, by real workers over the hub, also where the run does not come to its end.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { folder, run, start, tinyRun, train } from './cli.ts';

interface Event {
  readonly ph: string;
  readonly name: string;
  readonly cat?: string;
  readonly pid: number;
  readonly ts?: number;
  readonly args: Record<string, unknown>;
}

const eventsIn = (path: string): Event[] =>
  (JSON.parse(readFileSync(path, 'utf8')) as { traceEvents: Event[] }).traceEvents;

test('every worker has a track with its categories, and nothing but time is different', async () => {
  const path = join(folder(), 'trace.json');
  const traced = await train(['--workers', '2', '--bucket-bytes', '32768', '--trace', path]);
  const plain = await train(['--workers', '2']);
  expect(traced.weightsSha256).toBe(plain.weightsSha256);
  const events = eventsIn(path);
  const workers = new Map(
    events.filter(({ name }) => name === 'process_name').map(({ pid, args }) => [args['name'], pid]),
  );
  expect(new Set(workers.keys())).toEqual(new Set(['worker-0', 'worker-1']));
  for (const pid of workers.values()) {
    const own = events.filter((event) => event.ph === 'X' && event.pid === pid);
    const found = new Set(own.map(({ cat }) => cat));
    for (const category of ['compute', 'read-back', 'reduce', 'wait', 'upload', 'update'])
      expect(found).toContain(category);
    const buckets = new Set(own.filter(({ cat }) => cat === 'read-back').map(({ args }) => args['bucket']));
    expect(buckets.size).toBeGreaterThan(1);
    for (const { ts } of own) expect(ts).toBeGreaterThan(0);
  }
});

test('a run that is stopped at once leaves a whole trace', async () => {
  const path = join(folder(), 'trace.json');
  const args = ['train', tinyRun, '--json', '--steps', '10000', '--workers', '2', '--trace', path];
  const running = start(args, { cwd: folder() });
  await running.line(/adapter/);
  while (eventsIn(path).length < 10) await new Promise((resolve) => setTimeout(resolve, 50));
  running.process.kill('SIGINT');
  await running.line(/stopping/);
  running.process.kill('SIGINT');
  await running.finished;
  expect(eventsIn(path).length).toBeGreaterThan(9);
});

test('a trace that cannot be written stops with one line before anything starts', async () => {
  const cwd = folder();
  const { code, stderr } = await run(['train', tinyRun, '--trace', 'none/trace.json'], { cwd });
  expect(code).toBe(2);
  expect(stderr).toMatch(
    /^\S*error\S* --trace: expected a file that can be written, got none\/trace\.json \(ENOENT\)\n$/,
  );
  expect(existsSync(join(cwd, 'runs'))).toBe(false);
});
