// What becomes of a job where /dev/shm is small, as in a container: a mount of our own in a namespace of our own.

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { folder } from './cli.ts';

const bin = fileURLToPath(new URL('../packages/lockstep/bin/lockstep.js', import.meta.url));

/** Runs a command where /dev/shm has so many MiB. */
function within(
  mebibytes: number,
  command: readonly string[],
): { status: number | null; stdout: string; stderr: string } {
  const mount = `mount -t tmpfs -o size=${mebibytes}m tmpfs /dev/shm && exec "$@"`;
  const cwd = folder();
  return spawnSync('unshare', ['-m', 'sh', '-c', mount, 'sh', ...command], { cwd, encoding: 'utf8' });
}

const canMount = spawnSync('unshare', ['-m', 'sh', '-c', 'mount -t tmpfs -o size=1m tmpfs /dev/shm']).status === 0;
const bench = [process.execPath, bin, 'bench', 'collectives', '--workers', '2', '--sizes', '1KiB'];

describe.skipIf(!canMount)('where /dev/shm is small (needs the right to mount)', () => {
  test.each([4, 12])('a job with %d MiB takes WebSocket, and says why', (mebibytes) => {
    const { status, stdout, stderr } = within(mebibytes, bench);
    expect(status, stderr).toBe(0);
    expect(stdout).toMatch(/^# 2 workers over ws \(.*\/dev\/shm/m);
  });

  test('one that asks for UCX says what is missing', () => {
    const { status, stdout, stderr } = within(12, [...bench, '--bridge', 'ucx']);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch(
      /^error ucx: expected 17\.0 MiB free in \/dev\/shm for 2 workers, got 12\.0\nhint: [^\n]+\n$/,
    );
  });
});
