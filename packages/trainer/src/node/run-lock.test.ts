// Locks between real processes, which run the built module.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest';
import { lockRun, requireUnlocked } from './run-lock.ts';

const built = new URL('../../dist/node/run-lock.js', import.meta.url).href;

let root: string;
let path: string;
beforeEach(() => void (path = join((root = mkdtempSync(join(tmpdir(), 'lock-'))), 'lock')));
afterEach(() => rmSync(root, { recursive: true }));

/** A process that says whether it has the lock, and then waits to be killed. */
async function rival(): Promise<{ line: string; kill(): Promise<unknown> }> {
  const program = `
    const { lockRun } = await import(${JSON.stringify(built)});
    process.stdin.resume();
    try { lockRun(${JSON.stringify(root)}); console.log('has it'); } catch (error) { console.log(error.message); }`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [line] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string];
  const closed = once(child, 'close');
  return { line, kill: () => (child.kill('SIGKILL'), closed) };
}

const holder = (): Record<string, unknown> => JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;

/** Leaves the lock of a holder that differs from this process as is said. */
function leave(changes: Record<string, unknown>): void {
  const release = lockRun(root);
  const text = JSON.stringify({ ...holder(), ...changes });
  release();
  writeFileSync(path, text);
}

test.each([
  ['a pipe', (at: string) => void spawnSync('mkfifo', [at])],
  ['a link to a device that never ends', (at: string) => symlinkSync('/dev/zero', at)],
])('%s in the place of a lock is not waited for', (_, make) => {
  make(path);
  for (const call of ['requireUnlocked', 'lockRun']) {
    const program = `(await import(${JSON.stringify(built)})).${call}(${JSON.stringify(root)})`;
    const limits = { encoding: 'utf8', timeout: 20_000, killSignal: 'SIGKILL' } as const;
    const { stderr, signal } = spawnSync(process.execPath, ['--input-type=module', '-e', program], limits);
    expect({ call, signal }).toEqual({ call, signal: null });
    expect(stderr).toMatch(/ConfigError: .*lock: expected a file/);
  }
});

test('a lock that says nothing and has no end is one whose holder is gone', () => {
  truncateSync((writeFileSync(path, ''), path), 2 ** 33);
  utimesSync(path, 0, 0);
  lockRun(root)();
});

describe('lockRun', () => {
  it('gives the lock to exactly one of several, also where all see one whose holder was killed', async () => {
    const killed = await rival();
    expect(killed.line).toBe('has it\n');
    await killed.kill();
    const rivals = await Promise.all(Array.from({ length: 4 }, rival));
    expect(rivals.map(({ line }) => line).filter((line) => line === 'has it\n')).toHaveLength(1);
    expect(() => lockRun(root)).toThrow(
      /^--resume: expected a run that nobody trains, got .* which process \d+ trains on /,
    );
    expect(() => requireUnlocked(root)).toThrow(/ which process \d+ trains on /);
    expect(readdirSync(root)).toEqual(['lock']);
    await Promise.all(rivals.map((one) => one.kill()));
    requireUnlocked(root);
    lockRun(root)();
    expect(readdirSync(root)).toEqual([]);
  });

  it.each<[string, Record<string, unknown>]>([
    ['whose process id now is somebody else’s', { started: '1', kernel: false }],
    ['of a process that this one’s id belonged to in another container', { processes: 'pid:[1]', kernel: true }],
    ['of this machine before it started again', { boot: 'another' }],
    ['of a process that has ended', { pid: 2 ** 22 - 1, kernel: false }],
  ])('takes a lock %s for stale', (_, changes) => {
    leave(changes);
    lockRun(root)();
  });

  it.each(['', '{"id":', '4711'])('takes a lock that says %j for stale', (text) => {
    writeFileSync(path, text);
    utimesSync(path, 1, 1);
    lockRun(root)();
  });

  it('respects the lock of another machine, and says whose it is and what to remove', () => {
    leave({ host: 'elsewhere', boot: 'another', pid: 7 });
    expect(() => lockRun(root)).toThrow(
      new RegExp(`, which process 7 trains on elsewhere since .*\nhint: if it does not, remove ${path}$`),
    );
  });

  it('leaves a lock alone that another took after its own was removed', () => {
    const release = lockRun(root);
    rmSync(path);
    const other = lockRun(root);
    release();
    expect(readdirSync(root)).toEqual(['lock']);
    other();
  });
});
