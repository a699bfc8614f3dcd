// Folders and files that somebody else made: a run to go on with, a model to generate with. They are data: nothing in them is executed, leads
// out of the folder, or costs more than it may.
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { mkdtempSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { folder, run, tinyRun } from '../cli.ts';

/** A run of two steps as it was left after the first, its cache, and what it was trained with. */
let base: string;
const out = (): string => join(base, 'run');
const cache = (): string => join(base, 'cache');
const settings = ['--steps', '2', '--set', 'checkpoint.every=1', '--set', 'validation.every=0'];

beforeAll(async () => {
  base = mkdtempSync(join(tmpdir(), 'lockstep-records-'));
  const umask = process.umask(0o022);
  const options = { cwd: base, env: { LOCKSTEP_CACHE: cache() } };
  const { code, stderr } = await run(['train', tinyRun, ...settings, '--out', out()], options);
  process.umask(umask);
  expect(code, stderr).toBe(0);
});
afterAll(() => rmSync(base, { recursive: true }));

/** A copy that has one more step to take. */
function unfinished(): string {
  const path = join(folder(), 'run');
  cpSync(out(), path, { recursive: true });
  for (const after of ['checkpoints/step-000002', 'model']) rmSync(join(path, after), { recursive: true });
  return path;
}

const goOn = (path: string, cwd?: string): ReturnType<typeof run> =>
  run(['train', tinyRun, '--resume', ...settings, '--out', path], {
    env: { LOCKSTEP_CACHE: cache() },
    ...(cwd && { cwd }),
  });

/** One line of error, and perhaps one with a hint. */
const refusal = ({ code, stderr }: { code: number | null; stderr: string }): [number | null, string] => {
  const lines = stderr.trim().split('\n');
  const at = lines.findIndex((line) => line.startsWith('error '));
  expect(
    lines.slice(at + 1).every((line) => line.startsWith('hint: ')),
    stderr,
  ).toBe(true);
  return [code, lines[at] ?? stderr];
};

const filesIn = (path: string): string[] => (readdirSync(path, { recursive: true }) as string[]).toSorted();

/** Code that leaves a file where it is executed. */
function trap(at: string): { readonly path: string; readonly wasSprung: () => boolean } {
  const marker = join(at, 'executed');
  const path = join(at, 'evil.mjs');
  const code = `import { writeFileSync } from 'node:fs'; writeFileSync(${JSON.stringify(marker)}, ''); export default {};`;
  writeFileSync(path, code);
  writeFileSync(
    join(at, 'index.js'),
    code
      .replace('import {', 'const {')
      .replace("} from 'node:fs'", "} = require('node:fs')")
      .replace('export default {};', ''),
  );
  writeFileSync(join(at, 'package.json'), '{"name":"evil","main":"index.js"}');
  return { path, wasSprung: () => existsSync(marker) };
}

describe('a run’s folder that names code', () => {
  test.each<[string, (evil: string) => string[]]>([
    ['as its data and as its tokenizer', (evil) => [`data.source=${evil}`, `data.tokenizer=${evil}`]],
    [
      'as all its data, by a way out of a package',
      (evil) => [`data={"source":"lockstep/../../..${evil}","tokenizer":"bytes"}`],
    ],
  ])('%s', async (_, overrides) => {
    const path = unfinished();
    const { path: evil, wasSprung } = trap(folder());
    const file = join(path, 'run.json');
    const record = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
    writeFileSync(file, JSON.stringify({ ...record, file: evil, overrides: overrides(evil) }));
    const { code, stderr } = await goOn(path);
    expect(code, stderr).toBe(0); // with the data of the run file
    await run(['replay', path, '--step', '1'], { env: { LOCKSTEP_CACHE: folder() } });
    expect(wasSprung()).toBe(false);
  });

  test('and a model’s folder that brings code along: it generates, and executes nothing of it', async () => {
    const model = join(folder(), 'model');
    cpSync(join(out(), 'model'), model, { recursive: true });
    const { wasSprung } = trap(model);
    const config = JSON.parse(readFileSync(join(model, 'config.json'), 'utf8')) as object;
    const named = { auto_map: { AutoModel: 'evil.mjs', AutoConfig: 'index.js' }, trust_remote_code: true };
    writeFileSync(join(model, 'config.json'), JSON.stringify({ ...config, ...named }));
    expect((await run(['generate', model, '--prompt', 'the', '--tokens', '3'])).code).toBe(0);
    expect(wasSprung()).toBe(false);
  });

  test('a module whose name leads elsewhere is no record', async () => {
    const path = unfinished();
    const { path: evil, wasSprung } = trap(folder());
    const record = JSON.parse(readFileSync(join(path, 'run.json'), 'utf8')) as object;
    writeFileSync(join(path, 'run.json'), JSON.stringify({ ...record, module: `../../..${evil}` }));
    expect(refusal(await run(['replay', path, '--step', '1']))).toEqual([
      2,
      expect.stringContaining('expected the record of a run'),
    ]);
    expect(wasSprung()).toBe(false);
  });
});

test.each(['loss.svg', 'metrics.jsonl', 'run.json', 'checkpoints', 'model'])(
  'a run’s %s that leads elsewhere stops --resume, and what is there stays as it was',
  async (name) => {
    const path = unfinished();
    const elsewhere = folder();
    const [at, precious] = [join(path, name), join(elsewhere, 'precious')];
    if (existsSync(at)) renameSync(at, precious);
    else mkdirSync(precious);
    symlinkSync(precious, at);
    const before = filesIn(elsewhere);
    const bytes = lstatSync(precious).isFile() ? readFileSync(precious, 'utf8') : '';
    expect(refusal(await goOn(path))).toEqual([2, expect.stringMatching(/expected .*(link|of its own|leads)/)]);
    expect(filesIn(elsewhere)).toEqual(before);
    if (lstatSync(precious).isFile()) expect(readFileSync(precious, 'utf8')).toBe(bytes);
  },
);

test('metrics of names that no metric may have, and of thousands, get no place in a run’s chart', async () => {
  const path = unfinished();
  const many = Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`many${i}`, i]));
  const hostile = { step: 1, loss: 1, '\u001b]0;owned\u0007<script>': 1, ...many };
  writeFileSync(join(path, 'metrics.jsonl'), `${JSON.stringify(hostile)}\n"text"\n[1]\n`);
  const { code, stderr } = await goOn(path);
  expect(code, stderr).toBe(0);
  const chart = readFileSync(join(path, 'loss.svg'), 'utf8');
  expect(chart).toContain('many11');
  expect(chart).not.toMatch(/many12|owned|[^\P{C}\n]/u);
});

describe('what a run leaves behind', () => {
  const modes = (at: string): Map<string, number> =>
    new Map(
      readdirSync(at, { recursive: true, withFileTypes: true }).map(({ parentPath, name }) => {
        const path = join(parentPath, name);
        return [path.slice(at.length), lstatSync(path).mode & 0o777] as const;
      }),
    );

  test('is its user’s alone, and so is what it caches', () => {
    for (const at of [out(), cache()])
      for (const [path, mode] of modes(at)) expect([path, mode & 0o077]).toEqual([path, 0]);
  });

  test('is the group’s to read where that is asked for', async () => {
    const shared = join(folder(), 'run');
    const env = { LOCKSTEP_CACHE: cache() };
    const { code } = await run(['train', tinyRun, ...settings, '--share', 'group', '--out', shared], { env });
    expect(code).toBe(0);
    for (const [path, mode] of modes(shared))
      expect([path, mode]).toEqual([path, lstatSync(shared + path).isDirectory() ? 0o750 : 0o640]);
  });

  test('and its cache is believed only where its bytes are what they were', async () => {
    const planted = join(folder(), 'cache');
    cpSync(cache(), planted, { recursive: true });
    const kept = readdirSync(planted, { recursive: true, withFileTypes: true }).filter(
      (one) => one.isFile() && !/\.mjs|\.map|\.json/.test(one.name),
    );
    expect(kept.length).toBeGreaterThan(0);
    for (const { parentPath, name } of kept) {
      const path = join(parentPath, name);
      const bytes = readFileSync(path);
      chmodSync(path, 0o600);
      writeFileSync(path, bytes.fill(1, bytes.length >> 1));
    }
    const again = join(folder(), 'run');
    const { code, stdout } = await run(['train', tinyRun, '--json', ...settings, '--out', again], {
      env: { LOCKSTEP_CACHE: planted },
    });
    const whole = await run(['train', tinyRun, '--json', ...settings], { env: { LOCKSTEP_CACHE: cache() } });
    const hashOf = (json: string): string => (JSON.parse(json) as { weightsSha256: string }).weightsSha256;
    expect([code, hashOf(stdout)]).toEqual([0, hashOf(whole.stdout)]);
  });

  test.skipIf(process.getuid?.() !== 0)('of another user is read, and never written to', async () => {
    const path = unfinished();
    cpSync(join(out(), 'model'), join(path, 'model'), { recursive: true });
    for (const name of ['', ...(readdirSync(path, { recursive: true }) as string[])])
      chownSync(join(path, name), 65534, 65534);
    const before = filesIn(path);
    expect(refusal(await goOn(path))).toEqual([2, expect.stringMatching(/expected .*(own|user)/)]);
    expect(filesIn(path)).toEqual(before);
    expect((await run(['generate', path, '--prompt', 'the', '--tokens', '3'])).code).toBe(0);
  });
});

describe('a model’s folder', () => {
  const changed = (change: (model: string) => void): string => {
    const model = join(folder(), 'model');
    cpSync(join(out(), 'model'), model, { recursive: true });
    change(model);
    return model;
  };
  const edit =
    (name: string, values: object): ((model: string) => void) =>
    (model) => {
      const path = join(model, name);
      const before = existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as object) : {};
      writeFileSync(path, JSON.stringify({ ...before, ...values }));
    };
  const index =
    (file: string) =>
    (model: string): void => {
      rmSync(join(model, 'model.safetensors'));
      edit('model.safetensors.index.json', { weight_map: { 'transformer.wte.weight': file } })(model);
    };

  test.each<[string, (model: string) => void]>([
    ['that names weights outside of it', index('../../weights.safetensors')],
    [
      'that names a device by a link',
      (model) => (rmSync(join(model, 'model.safetensors')), symlinkSync('/dev/zero', join(model, 'model.safetensors'))),
    ],
    ['of a billion layers', edit('config.json', { n_layer: 1e9 })],
    [
      'whose weights have a header of 100 MB',
      (model) =>
        writeFileSync(
          join(model, 'model.safetensors'),
          Buffer.concat([Buffer.from(BigUint64Array.of(100_000_000n).buffer), Buffer.alloc(1000, ' ')]),
        ),
    ],
    ['whose weights are cut off', (model) => truncateSync(join(model, 'model.safetensors'), 5000)],
  ])('%s is refused with one line', async (_, change) => {
    const [code, line] = refusal(await run(['generate', changed(change), '--prompt', 'the', '--tokens', '3']));
    expect([code, line]).toEqual([2, expect.stringMatching(/^error .*expected .*, got /)]);
  });

  test('and a checkpoint whose manifest leads out of it is no checkpoint', async () => {
    const path = unfinished();
    const file = join(path, 'checkpoints/step-000001/state.json');
    const text = readFileSync(file, 'utf8');
    for (const name of ['../../../precious', '/dev/zero']) {
      writeFileSync(file, text.replace('"model.safetensors"', JSON.stringify(name)));
      expect(refusal(await goOn(path))[0]).toBe(2);
    }
  });
});

test('a text from elsewhere that is not the one that was meant is refused, and nothing of it is kept', async () => {
  const server = createServer((_, response) => response.end('Some other text. '.repeat(1000))).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/text.txt#sha256=${'a'.repeat(64)}`;
  const kept = folder();
  const args = ['train', tinyRun, '--steps', '1', '--set', `data.source=${url}`];
  expect(refusal(await run(args, { env: { LOCKSTEP_CACHE: kept } }))).toEqual([2, expect.stringContaining('sha256')]);
  const left = readdirSync(kept, { recursive: true, withFileTypes: true }).filter(
    (one) => one.isFile() && !/\.mjs|\.map|\.json/.test(one.name),
  );
  expect(left).toEqual([]);
});
