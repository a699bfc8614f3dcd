// Scripts in several workers through the built command: what they print, who is blamed when one fails, and who is left
// running.
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { linkPackages, run, start, tinyRun } from './cli.ts';

const ring = fileURLToPath(new URL('../examples/ring-all-reduce.ts', import.meta.url));
const env = { NO_COLOR: '1' };

/** With this package's node_modules, so that the scripts find lockstep. */
let cwd: string;
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'lockstep-run-'));
  linkPackages(cwd);
});
afterAll(() => rm(cwd, { recursive: true }));

let scripts = 0;

/** Writes a script, and gives its name. */
async function script(text: string): Promise<string> {
  const name = `script-${++scripts}.ts`;
  await writeFile(join(cwd, name), `import { join } from 'lockstep';\n${text}`);
  return name;
}

const isRunning = (pid: number): boolean =>
  existsSync(`/proc/${pid}`) && !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
const pidOf = (line: string): number => Number(/pid (\d+)/.exec(line)![1]);

describe('lockstep run', () => {
  it.each([1, 2, 3, 4])('builds all-reduce as a ring of %i', async (workers) => {
    const { code, stdout, stderr } = await run(['run', ring, '--workers', `${workers}`], { env });
    expect(code, stderr).toBe(0);
    const lines = stdout.trimEnd().split('\n');
    expect(
      lines.filter((line) => line.includes(`✓ n = ${workers}: the ring gives what group.allReduce gives`)),
    ).toHaveLength(workers);
    const steps = lines.filter((line) => /: \d → \d {2}[\d,]+ bytes$/.test(line));
    expect(steps).toHaveLength(workers * 2 * (workers - 1));
  });

  it('prefixes whole lines with the rank, and passes arguments and streams through', async () => {
    const file = await script(`
      const { rank, size } = await join();
      process.stdout.write(\`\${rank} of \`);
      setTimeout(() => process.stdout.write(\`\${size} \${process.argv.slice(2).join()}\\n\\nlast\`), 50);
      console.error('to stderr');
    `);
    const { code, stdout, stderr } = await run(['run', file, '-w', '2', '--', '--steps', '3'], { cwd, env });
    expect(code).toBe(0);
    const lines = stdout.split('\n');
    for (const rank of [0, 1]) {
      const own = lines.filter((line) => line.startsWith(`[${rank}]`));
      expect(own).toEqual([`[${rank}] ${rank} of 2 --steps,3`, `[${rank}] `, `[${rank}] last`]);
    }
    expect(stderr.trimEnd().split('\n').toSorted()).toEqual(['[0] to stderr', '[1] to stderr']);
    const alone = await run(['run', file], { cwd, env });
    expect(alone).toMatchObject({ code: 0, stdout: '0 of 1 \n\nlast\n', stderr: 'to stderr\n' });
  });

  it('runs a script that never joins', async () => {
    const file = await script(`console.log(typeof join, process.argv[1]);`);
    const { code, stdout } = await run(['run', file], { cwd, env });
    expect({ code, stdout }).toEqual({ code: 0, stdout: `function ${join(cwd, file)}\n` });
  });

  it('lets a worker end early while others go on', async () => {
    const file = await script(`
      const group = await join();
      await group.barrier();
      if (group.rank < 2) {
        await new Promise((resolve) => setTimeout(resolve, 500));
        const value = Float32Array.of(group.rank + 1);
        if (group.rank === 0) await group.send(1, value);
        else await group.recv(0, value);
        console.log('got', value[0]);
      }
    `);
    const { code, stdout, stderr } = await run(['run', file, '-w', '3'], { cwd, env });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.trimEnd().split('\n').toSorted()).toEqual(['[0] got 1', '[1] got 1']);
  });

  it('ends all when one throws, with its stack, its rank and its exit code', async () => {
    const file = await script(`
      const group = await join();
      if (group.rank === 1) throw new RangeError('no such thing');
      console.log('pid', process.pid);
      setInterval(() => {}, 1000);
    `);
    const { code, stdout, stderr } = await run(['run', file, '-w', '2'], { cwd, env });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^\[1\] RangeError: no such thing\n\[1\] {5}at .*script-\d+\.ts:4/m);
    expect(stderr).toMatch(/^error run: worker 1 ended with exit code 1$/m);
    expect(isRunning(pidOf(stdout))).toBe(false);
  });

  it('blames who gave up waiting, not who was stuck and is killed for it', async () => {
    const file = await script(`
      const group = await join({ timeoutMs: 300 });
      if (group.rank === 0) await group.barrier();
      for (;;);
    `);
    const { code, stderr } = await run(['run', file, '-w', '2'], { cwd, env });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^\[0\] error barrier, .* within 300 ms, got none$/m);
    expect(stderr).toMatch(/^error run: worker 0 ended with exit code 1$/m);
  });

  it('takes over the exit code of a script', async () => {
    const file = await script(`process.exit(process.env.LOCKSTEP_NAME === 'worker-1' ? 7 : 0);`);
    const { code, stderr } = await run(['run', file, '-w', '2'], { cwd, env });
    expect({ code, stderr }).toEqual({ code: 7, stderr: 'error run: worker 1 ended with exit code 7\n' });
  });

  it('says once what no worker can have', async () => {
    const file = await script(`await join();`);
    const without = { ...env, UCX_TLS: 'nonsense' };
    const { code, stderr } = await run(['run', file, '-w', '2', '--bridge', 'ucx'], { cwd, env: without });
    expect(code).toBe(2);
    expect(stderr).toMatch(/^error ucx: expected UCX\S* [^\n]+\n(hint: [^\n]+\n)?$/);
  });

  it('trains over no bridge that this machine has not, writes nothing, and goes without it where it may', async () => {
    const without = { ...env, UCX_TLS: 'nonsense' };
    const args = ['train', tinyRun, '--workers', '2', '--steps', '1'];
    const refused = await run([...args, '--bridge', 'ucx'], { cwd, env: without });
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).toMatch(/^error ucx: expected UCX\S* [^\n]+\n(hint: [^\n]+\n)?$/);
    expect(existsSync(join(cwd, 'runs'))).toBe(false);
    const { code, stdout } = await run(args, { cwd, env: without });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^bridge +WebSocket · worker-0 offers no ucx: ucx: expected UCX/m);
  });

  it('tells the others whom they lost, and leaves nobody running', async () => {
    const file = await script(`
      const group = await join();
      const values = new Float32Array(1e5);
      await group.allReduce(values);
      console.log('pid', process.pid);
      for (;;) await group.allReduce(values);
    `);
    const started = start(['run', file, '-w', '3'], { cwd, env });
    const pids = (await Promise.all([0, 1, 2].map((rank) => started.line(new RegExp(`^\\[${rank}\\] pid`))))).map(
      pidOf,
    );
    process.kill(pids[1]!, 'SIGKILL');
    const { code, stderr } = await started.finished;
    expect(code).toBe(1);
    for (const rank of [0, 2])
      expect(stderr).toMatch(new RegExp(`^\\[${rank}\\] error transport: rank 1 is gone`, 'm'));
    expect(stderr).toMatch(/^error run: worker 1 ended by signal SIGKILL$/m);
    expect(pids.filter(isRunning)).toEqual([]);
  });

  it.each(['SIGINT', 'SIGKILL'] as const)(
    'ends all workers when it gets %s, whether they have joined or not',
    async (signal) => {
      const file = await script(`
      if (process.env.LOCKSTEP_NAME === 'worker-0') void join();
      console.log('pid', process.pid);
      setInterval(() => {}, 1000);
    `);
      const started = start(['run', file, '-w', '2'], { cwd, env });
      const pids = (await Promise.all([0, 1].map((rank) => started.line(new RegExp(`^\\[${rank}\\] pid`))))).map(pidOf);
      started.process.kill(signal);
      const { code, stderr } = await started.finished;
      expect({ code, stderr }).toEqual({ code: signal === 'SIGINT' ? 130 : null, stderr: '' });
      await expect.poll(() => pids.filter(isRunning)).toEqual([]);
    },
  );

  it.each<[string, string[], RegExp]>([
    ['a missing script', ['run', 'nix.ts'], /^error run: expected a script, got nix\.ts, which does not exist\nhint: /],
    ['a folder', ['run', '.'], /^error run: expected a script, got \., which is a folder\nhint: /],
    ['another language', ['run', 'x.py'], /^error run: expected a script, got x\.py\nhint: its name ends with \.ts/],
    ['no script', ['run'], /missing required argument 'script'/],
    ['no workers', ['run', 'x.ts', '--workers', '0'], /'0' is invalid\. Expected a whole number from 1 to 65536\./],
    ['an unknown option', ['run', 'x.ts', '--worker', '2'], /unknown option '--worker'\n\(Did you mean --workers\?\)/],
    ['an unknown bridge', ['run', 'x.ts', '--bridge', 'udp'], /'udp' is invalid\. Allowed choices are auto, ws, ucx\./],
  ])('refuses %s', async (_, args, message) => {
    await writeFile(join(cwd, 'x.py'), '');
    const { code, stdout, stderr } = await run(args, { cwd, env });
    expect(stderr).toMatch(message);
    expect(stderr.trimEnd().split('\n').length, stderr).toBeLessThanOrEqual(2);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  });
});

describe('lockstep bench collectives', () => {
  it('checks and times every size, and ends with one line of JSON', async () => {
    const args = ['bench', 'collectives', '--workers', '2', '--sizes', '1KiB,64KiB', '--json'];
    const { code, stdout, stderr } = await run(args, { env });
    expect(code, stderr).toBe(0);
    const { rows } = JSON.parse(stdout) as { rows: Record<string, unknown>[] };
    const positive = expect.toSatisfy((value: unknown) => typeof value === 'number' && value > 0);
    const row = { algbw: positive, busbw: positive, us: positive, algorithm: expect.any(String) };
    expect(rows).toEqual([
      { bytes: 1024, ...row },
      { bytes: 65_536, ...row },
    ]);
    expect(Object.keys(rows[0]!)).toEqual(['bytes', 'algbw', 'busbw', 'us', 'algorithm']);
    expect(stderr).toMatch(/^# 2 workers over (ws|ucx) /m);
  });

  it('prints the columns of nccl-tests', async () => {
    const args = [
      'bench',
      'collectives',
      '-w',
      '3',
      '--sizes',
      '4KiB',
      '--algorithm',
      'halvingDoubling',
      '--wire',
      'bf16',
    ];
    const { code, stdout, stderr } = await run(args, { env });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^# +size +count +type +redop +time +algbw +busbw +#wrong +algorithm$/m);
    expect(stdout).toMatch(/^ +4096 +1024 +float +sum +[\d.]+ +[\d.]+ +[\d.]+ +0 +halvingDoubling$/m);
  });

  it.each<[string, string[], RegExp]>([
    ['sizes that are none', ['--sizes', '1KiB,big'], /'1KiB,big' is invalid\. Expected sizes such as 1KiB,4MiB/],
    ['half an element', ['--sizes', '6'], /'6' is invalid\. Expected sizes .* multiple of 4 bytes\./],
    ['an unknown algorithm', ['--algorithm', 'ring'], /'ring' is invalid\. Allowed choices are oneShot, direct, /],
  ])('refuses %s', async (_, args, message) => {
    const { code, stdout, stderr } = await run(['bench', 'collectives', ...args], { env });
    expect(stderr).toMatch(message);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  });
});
