import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { pack } from './pack.ts';
import { addRun } from './run-files.ts';
import { machineOf, requireMachine } from './target.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lockstep-pack-'));
});
afterEach(() => rm(folder, { recursive: true }));

const out = (): string => join(folder, 'kit.tar.xz');

/** A run whose text has this source, in a folder of its own. */
async function runOf(source: string, extra = ''): Promise<string> {
  const file = join(folder, 'project/run.ts');
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, `${extra}${run.replace('SOURCE', source)}`);
  return file;
}

const run = `
  import { constant, defineRun, gpt, sgd, text } from 'lockstep';
  export default defineRun({
    name: 'packed',
    model: gpt({ layers: 1, heads: 1, width: 8, context: 4 }),
    data: text('SOURCE'),
    optimizer: sgd(),
    schedule: constant({ peak: 0.1 }),
    batch: 8, steps: 1,
  });`;

test('the machine of a program is read from its header, and a text has none', async () => {
  expect(await machineOf(process.execPath)).toBe(`${process.platform}-${process.arch}`);
  expect(await machineOf(fileURLToPath(import.meta.url))).toBeUndefined();
});

test('a program of another machine is refused by its path', async () => {
  const other = process.arch === 'arm64' ? 'linux-x64' : 'linux-arm64';
  await expect(requireMachine(process.execPath, other)).rejects.toThrow(`expected a program for ${other}, got`);
});

test('an archive of another kind is refused', async () => {
  await expect(pack({ target: 'linux-x64', out: 'kit.zip' })).rejects.toThrow('to end with .tar.xz, got kit.zip');
});

test('data without a run is refused', async () => {
  await expect(pack({ target: 'linux-x64', out: out(), withData: true })).rejects.toThrow('expected a run file');
});

test('a run goes along as its bundle, with its text where the run looks for it', async () => {
  const file = await runOf('./texts/one.txt');
  await mkdir(join(folder, 'project/texts'));
  await writeFile(join(folder, 'project/texts/one.txt'), 'Call me Ishmael.');
  const to = join(folder, 'run');
  const entry = await addRun(file, { folder: to, withData: true });
  expect(entry).toMatch(/^[0-9a-f]{64}\.mjs$/);
  expect(await readFile(join(to, 'texts/one.txt'), 'utf8')).toBe('Call me Ishmael.');
});

test('the source map of a run names its files from the run’s folder', async () => {
  const to = join(folder, 'run');
  await addRun(await runOf('./one.txt'), { folder: to, withData: false });
  const [map] = (await readdir(to)).filter((name) => name.endsWith('.map'));
  expect(JSON.parse(await readFile(join(to, map!), 'utf8'))).toMatchObject({ sources: ['run.ts'] });
});

test('a text outside of the run’s folder is refused', async () => {
  await writeFile(join(folder, 'one.txt'), 'Call me Ishmael.');
  const packed = addRun(await runOf('../one.txt'), { folder: join(folder, 'run'), withData: true });
  await expect(packed).rejects.toThrow('expected data beside or below the run file, or in a package, got ../one.txt');
});

test('a run that imports a native package of its own is refused', async () => {
  const file = await runOf('./one.txt', `import 'native';\n`);
  const native = join(folder, 'project/node_modules/native');
  await mkdir(native, { recursive: true });
  await writeFile(join(native, 'package.json'), '{ "version": "1.2.3" }');
  await writeFile(join(native, 'it.node'), '');
  const packed = addRun(file, { folder: join(folder, 'run'), withData: false });
  await expect(packed).rejects.toThrow('which imports native@1.2.3');
});
