// What a running job leaves open: it listens on loopback only and only where the handshake guards, and what its workers
// share no other user can open.

import { readFileSync, statSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { openUcx } from '../packages/rdma/src/open-ucx.ts';
import { familyOf, linksOf, type Listener, openDoors } from './attacks/doors.ts';
import { upgradeRequest } from './attacks/sockets.ts';
import { folder, run, scriptFolder, start, type Started, tinyRun } from './cli.ts';

const loopback = new Set(['0100007F', '00000000000000000000000001000000']);

/** Who comes without the token is asked for it, and let go. */
async function expectGuarded({ port }: Listener): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  const closed = new Promise((resolve) => socket.on('close', resolve).on('error', () => {}));
  let answer = '';
  socket.on('data', (part) => {
    if (answer === '') socket.write('let me in, for I have no token');
    answer += part.toString('latin1');
  });
  socket.write(upgradeRequest({ host: `127.0.0.1:${port}` }));
  await closed;
  expect(answer).toMatch(/^HTTP\/1\.1 101 /);
}

/** Segments and files that the job shares: nobody else may come to them by a name. */
function expectUnnamed(pids: readonly number[]): void {
  for (const pid of pids) {
    const maps = readFileSync(`/proc/${pid}/maps`, 'utf8');
    expect(maps).not.toMatch(/SYSV/);
    for (const shared of maps.split('\n').filter((row) => /\/dev\/shm\//.test(row)))
      expect(shared).toMatch(/\(deleted\)$/);
    for (const link of linksOf(pid).filter((path) => path.startsWith('/dev/shm/')))
      expect(link).toMatch(/\(deleted\)$/);
    expect(statSync(`/proc/${pid}/fd`).mode & 0o077).toBe(0);
  }
}

const startScript = (workers: number, text: string): Started =>
  start(['run', 'script.mjs', '-w', `${workers}`], { cwd: scriptFolder(`import { join } from 'lockstep';\n${text}`) });

afterEach(() => void vi.unstubAllEnvs());

describe.each([1, 2])('a job of %d workers', (workers) => {
  test('listens on loopback only and only where the handshake guards, from its start on', async () => {
    const started = startScript(
      workers,
      `console.log('before');
      const group = await join();
      await group.allReduce(group.allocate(100_000));
      console.log('joined');
      setInterval(() => {}, 1000);`,
    );
    const isOver = { yes: false };
    const joined = Promise.all(
      Array.from({ length: workers }, async (_, rank) => started.line(new RegExp(`^(\\[${rank}\\] )?joined`))),
    ).then(() => (isOver.yes = true));
    let pids = familyOf(started.process.pid!);
    while (!isOver.yes) {
      for (const { address } of openDoors(pids)) expect(loopback).toContain(address);
      await new Promise((resolve) => setImmediate(resolve));
      pids = familyOf(started.process.pid!);
    }
    await joined;
    const doors = openDoors(pids);
    expect(doors.length).toBeGreaterThanOrEqual(1 + workers);
    for (const door of doors) {
      expect(loopback).toContain(door.address);
      await expectGuarded(door);
    }
    expectUnnamed(pids);
    started.process.kill('SIGINT');
    expect((await started.finished).code).toBe(130);
  });
});

test('with UCX_TLS=tcp a command opens nothing: one line says why', async () => {
  const cwd = folder();
  await writeFile(join(cwd, 'script.mjs'), '');
  const { code, stderr } = await run(['run', 'script.mjs', '--bridge', 'ucx'], { cwd, env: { UCX_TLS: 'tcp' } });
  expect(code).toBe(2);
  expect(stderr).toMatch(/^error ucx: expected [^\n]+which no stranger can reach[^\n]+\nhint: unset UCX_TLS[^\n]*\n$/);
});

test.each(['all', 'posix,tcp', '^cma', 'shm'])('UCX_TLS=%s opens nothing', async (tls) => {
  vi.stubEnv('UCX_TLS', tls);
  await expect(openUcx()).rejects.toMatchObject({
    code: 'CONFIG',
    message: expect.stringContaining('which no stranger can reach'),
  });
});

test('TLS and UCX, which encrypts nothing, do not go together: a job that is asked for both says so', async () => {
  const args = ['train', tinyRun, '--workers', '2', '--tls'];
  const both = await run([...args, '--bridge', 'ucx']);
  expect({ code: both.code, stdout: both.stdout }).toEqual({ code: 2, stdout: '' });
  expect(both.stderr).toMatch(/^error --bridge: expected ws where all is encrypted [^\n]+\nhint: [^\n]+\n$/);
});
