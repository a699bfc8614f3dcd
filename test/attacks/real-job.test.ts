// The attacks of strangers and of hostile members on jobs as users start them: all doors of a job at once, while it starts and while it
// works. What each attack consists of is tested one by one beside this.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { run, scriptFolder, start, tinyRun } from '../cli.ts';
import { familyOf, openDoors } from './doors.ts';
import { bareSocket, upgradeRequest } from './sockets.ts';

const deed = (name: string): string => `--import=${fileURLToPath(new URL(`deeds/${name}.mjs`, import.meta.url))}`;

/** No control character but those that lines are made of. */
const isPlain = (text: string): boolean => !/[^\P{Cc}\n]/u.test(text);

/** Everything at once that a stranger can do at a door: the sockets stay as they are until they are cut off. */
async function besiege(port: number): Promise<void> {
  const url = `ws://127.0.0.1:${port}`;
  const say = async (text: string | Buffer): Promise<string> => {
    const socket = await bareSocket(url);
    socket.write(text);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    return answer.toString('latin1');
  };
  for (let i = 0; i < 100; i++) await bareSocket(url); // silent
  const badFrames = [Buffer.of(0xff, 0xff, 0xff), Buffer.alloc(14, 0xff), Buffer.alloc(3000, 0x82)];
  for (const bytes of badFrames)
    expect(await say(Buffer.concat([Buffer.from(upgradeRequest()), bytes]))).toMatch(/^HTTP\/1\.1 101 /);
  expect(await say(`GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`)).toMatch(/^HTTP\/1\.1 426 /);
  expect(await say(upgradeRequest({ origin: 'https://evil.example' }))).toMatch(/^HTTP\/1\.1 403 /);
  expect(await say(upgradeRequest({ host: 'evil.example' }))).toMatch(/^HTTP\/1\.1 40[03] /);
}

test('a job that strangers besiege at all its doors while it starts works as any other, and says little of them', async () => {
  // The first worker joins and waits for the second, which waits for a file.
  const cwd = scriptFolder(`
    import { existsSync, mkdirSync, watch } from 'node:fs';
    import { join } from 'lockstep';
    const isFirst = (() => { try { mkdirSync('first'); return true; } catch { return false; } })();
    if (!isFirst) await new Promise((resolve) => {
      const watcher = watch('.', () => existsSync('go') && (watcher.close(), resolve()));
      if (existsSync('go')) watcher.close(), resolve();
    });
    console.log(isFirst ? 'joins' : 'comes later');
    const group = await join();
    const sum = new Float32Array(100_000).fill(group.rank + 1);
    await group.allReduce(sum);
    console.log('sum', sum.every((one) => one === 3));
  `);
  const started = start(['run', 'script.mjs', '-w', '2'], { cwd });
  await started.line(/joins/);
  const pid = started.process.pid!;
  const doors = await new Promise<number[]>((resolve) => {
    const look = (): void => {
      const ports = [...new Set(openDoors(familyOf(pid)).map(({ port }) => port))];
      if (ports.length >= 2) resolve(ports);
      else setTimeout(look, 50);
    };
    look();
  });
  for (const port of doors) await besiege(port);
  // They go on: none of them keeps a worker from its end.
  const more = (): void => doors.forEach((port) => void bareSocket(`ws://127.0.0.1:${port}`).catch(() => undefined));
  const coming = setInterval(more, 100);
  onTestFinished(() => clearInterval(coming));
  writeFileSync(join(cwd, 'go'), '');
  const { code, stdout, stderr } = await started.finished;
  expect([code, stdout.match(/sum true/g)]).toEqual([0, ['sum true', 'sum true']]);
  expect(stderr.trim().split('\n').length).toBeLessThan(15);
  expect(isPlain(stdout + stderr)).toBe(true);
});

test('a member that knocks at another’s door under a third one’s name is not let in, and the three go on', async () => {
  const cwd = scriptFolder(`
    import { Socket } from 'node:net';
    import { generateKeyPairSync, randomBytes } from 'node:crypto';
    import { Connection, shakeHands } from '@lockstep/collectives';
    import { openSocket } from '@lockstep/collectives/node';
    import { join } from 'lockstep';

    const ports = new Set();
    const { connect } = Socket.prototype;
    Socket.prototype.connect = function (...args) {
      const [options] = Array.isArray(args[0]) ? args[0] : args;
      if (options?.port) ports.add(Number(options.port));
      return connect.apply(this, args);
    };
    const group = await join();
    if (group.rank === 2) {
      const token = globalThis[Symbol.for('lockstep.token')];
      const answers = new Set();
      for (const port of ports)
        for (const [door, name] of [['worker-1', 'worker-0'], ['worker-0', 'worker-1']])
          for (const shared of [undefined, randomBytes(32)]) {
            const connection = new Connection(openSocket('ws://127.0.0.1:' + port), {});
            const ended = connection.ended.then(({ code, reason }) => code + ' ' + reason);
            const let_in = shakeHands(connection, { token, purpose: 'worker ' + door, name, shared }).then(() => 'let in', () => ended);
            answers.add(await let_in);
            connection.terminate();
          }
      console.log('doors', ports.size, 'answers', [...answers].join('; '));
    }
    const sum = new Float32Array(100_000).fill(group.rank + 1);
    await group.allReduce(sum);
    console.log('sum', sum[0]);
  `);
  const { code, stdout, stderr } = await run(['run', 'script.mjs', '-w', '3', '--bridge', 'ws'], { cwd });
  expect([code, stdout.match(/sum 6/g)?.length], stderr).toEqual([0, 3]);
  expect(stdout).toMatch(/doors [12] answers 4\d\d\d expected proof of the token, got a wrong one\n/);
});

test('a member that gives another program’s process for its own over UCX ends the job, and that program is not read', async () => {
  const victim = spawn('sleep', ['600']);
  onTestFinished(() => void victim.kill());
  const cwd = scriptFolder(`import { join } from 'lockstep'; await join(); console.log('joined');`);
  const env = { NODE_OPTIONS: deed('name-another'), HOSTILE_VICTIM: `${victim.pid}` };
  const { code, stdout, stderr } = await run(['run', 'script.mjs', '-w', '2', '--bridge', 'ucx'], { cwd, env });
  expect([code, stdout]).toEqual([1, '']);
  expect(stderr).toContain(
    'expected rank 1 to be a worker of this job, user and host, got an address that none vouches for',
  );
});

test('a bit that somebody changes between a worker and its hub ends the job with one line, and is taken for nothing', async () => {
  const env = { NODE_OPTIONS: deed('meddle') };
  const { code, stdout, stderr } = await run(['train', tinyRun, '--workers', '2', '--bridge', 'ws', '--json'], { env });
  expect([code, stdout]).toEqual([1, '']);
  expect(stderr).toMatch(/connection of worker-1 ended: expected a (message as the|tag)/);
});

const escape = '\u001b]0;owned\u0007\u009b31m\u001b[2J\rx';

test.each<[string, string, unknown]>([
  ['its failure', 'worker-1', { kind: 'failed', code: 'X', message: `lost ${escape}`, exitCode: 1 }],
  [
    'its adapter',
    'worker-0',
    { kind: 'ready', adapter: escape, families: { [escape]: escape }, bridge: { bridge: 'ws', reason: escape } },
  ],
  ['a note', 'worker-1', { kind: 'note', text: escape }],
  ['a message that is none', 'worker-1', { kind: escape }],
])('what a member says of %s reaches the terminal as plain text', async (_, worker, message) => {
  const env = { NODE_OPTIONS: deed('say'), HOSTILE_WORKER: worker, HOSTILE_MESSAGE: JSON.stringify(message) };
  const started = start(['train', tinyRun, '--workers', '2', '--bridge', 'ws'], { env });
  const ended = started.finished;
  // A job whose member says what it may say waits for that member; it has been shown by then.
  const shown = started.line(/owned|expected/).catch(() => '');
  await Promise.race([ended, shown]);
  started.process.kill('SIGINT');
  started.process.kill('SIGINT');
  const { stdout, stderr } = await ended;
  expect(stdout + stderr).toMatch(/owned|expected/);
  expect(isPlain(stdout + stderr)).toBe(true);
});
