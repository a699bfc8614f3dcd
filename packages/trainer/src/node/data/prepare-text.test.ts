import {
  appendFile,
  chown,
  copyFile,
  lstat,
  mkdir,
  mkdtemp,
  readFile,
  readdir,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { characters } from '@lockstep/nn';
import { saveTokenizer } from '@lockstep/nn/node';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { TextDataset } from '../../data/text-dataset.ts';
import { textFromString } from '../../data/prepare-text.ts';
import { text } from '../../data/text.ts';
import { ConfigError } from '@lockstep/errors';
import { cacheFolder } from './cache-folder.ts';
import { prepareText } from './prepare-text.ts';

let from = '';
let cache = '';
const opened: TextDataset[] = [];

beforeEach(async () => {
  from = await mkdtemp(join(tmpdir(), 'lockstep-data-'));
  cache = join(from, 'cache');
  vi.stubEnv('LOCKSTEP_CACHE', cache);
});
afterEach(async () => {
  for (const dataset of opened.splice(0)) dataset.close();
  vi.unstubAllEnvs();
  await rm(from, { recursive: true });
});

const content = 'Call me Ishmael. Some years ago — naïve 鯨 🐋.\n'.repeat(50);

async function prepare(source: string | URL, options: Parameters<typeof text>[1] = {}): Promise<TextDataset> {
  const dataset = await prepareText(text(source, options), { from });
  opened.push(dataset);
  return dataset;
}

/** All of a small dataset's training text. */
function trainingText(dataset: TextDataset): Promise<string> {
  const context = dataset.trainTokens - 1;
  const { batch } = dataset.batches({ context });
  const { tokens, targets } = batch({ step: 0, seed: 1, shard: 0, shards: 1, batchSize: 1 });
  return dataset.tokenizer.decode([...tokens!, targets!.at(-1)!]);
}

async function writePackage(name: string, main: string): Promise<void> {
  const folder = join(from, 'node_modules', name);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'package.json'), JSON.stringify({ name, version: '1.0.0', main: './main.js' }));
  await writeFile(join(folder, 'main.js'), main);
}

describe('a file', () => {
  beforeEach(() => writeFile(join(from, 'a.txt'), content));

  test.each(['characters', 'bytes'])('of %s gives the batches that the same string gives', async (tokenizer) => {
    const [file, string] = [await prepare('a.txt', { tokenizer }), await textFromString(content, { tokenizer })];
    expect(file.facts.vocab).toBe(string.facts.vocab);
    const request = { step: 5, seed: 3, shard: 1, shards: 2, batchSize: 8 };
    const [ofFile, ofString] = [file.batches({ context: 24 }), string.batches({ context: 24 })];
    expect(ofFile.batch(request)).toEqual(ofString.batch(request));
    expect(ofFile.validationBatch(1, request)).toEqual(ofString.validationBatch(1, request));
  });

  test('may be named by a file URL', async () => {
    expect(await trainingText(await prepare(pathToFileURL(join(from, 'a.txt')), { validation: 0 }))).toBe(content);
  });

  test('is tokenised once, and again when it has changed', async () => {
    await prepare('a.txt');
    const [name] = await readdir(cache);
    const { mtimeMs: written, mode } = await stat(join(cache, name!));
    expect((mode & 0o777).toString(8)).toBe('600');
    await prepare('a.txt');
    expect((await stat(join(cache, name!))).mtimeMs).toBe(written);
    await appendFile(join(from, 'a.txt'), 'Ω');
    expect(await trainingText(await prepare('a.txt', { validation: 0 }))).toBe(`${content}Ω`);
  });

  test('is prepared again where the cached ids are damaged', async () => {
    await prepare('a.txt', { validation: 0 });
    const path = join(cache, (await readdir(cache))[0]!);
    for (const damage of [
      () => truncate(path, 700),
      () => truncate(path, 0),
      () => writeFile(path, 'x'.repeat(2000)),
      async () => {
        const bytes = await readFile(path);
        bytes[600]! ^= 1;
        await writeFile(path, bytes);
      },
    ]) {
      await damage();
      expect(await trainingText(await prepare('a.txt', { validation: 0 }))).toBe(content);
    }
  });

  test('is prepared again where the cached ids are a link, or another user’s', async () => {
    await prepare('a.txt', { validation: 0 });
    const path = join(cache, (await readdir(cache))[0]!);
    const planted = join(from, 'planted');
    await rename(path, planted);
    await symlink(planted, path);
    const before = await stat(planted);
    expect(await trainingText(await prepare('a.txt', { validation: 0 }))).toBe(content);
    expect((await lstat(path)).isFile()).toBe(true);
    expect((await stat(planted)).mtimeMs).toBe(before.mtimeMs);
    if (process.geteuid?.() !== 0) return;
    await chown(path, 12_345, 12_345);
    await prepare('a.txt', { validation: 0 });
    expect((await stat(path)).uid).toBe(0);
  });

  test('is prepared again where the cached ids are those of another text', async () => {
    await prepare('a.txt', { tokenizer: 'bytes' });
    const [path] = await readdir(cache);
    await writeFile(join(from, 'b.txt'), 'another text');
    await prepare('b.txt', { tokenizer: 'bytes' });
    const other = (await readdir(cache)).find((name) => name.startsWith('b.txt'))!;
    await copyFile(join(cache, other), join(cache, path!));
    expect(await trainingText(await prepare('a.txt', { tokenizer: 'bytes', validation: 0 }))).toBe(content);
  });

  test('may be prepared by several at once, and leaves one file and no other', async () => {
    const datasets = await Promise.all([1, 2, 3, 4].map(() => prepare('a.txt', { validation: 0 })));
    for (const dataset of datasets) expect(await trainingText(dataset)).toBe(content);
    expect(await readdir(cache)).toHaveLength(1);
  });

  test('takes a tokenizer.json, whose content decides what is cached', async () => {
    await saveTokenizer(from, characters(content));
    expect(await trainingText(await prepare('a.txt', { tokenizer: 'tokenizer.json', validation: 0 }))).toBe(content);
    await saveTokenizer(from, characters(`${content}Ω`));
    expect((await prepare('a.txt', { tokenizer: 'tokenizer.json' })).facts.vocab).toBe(new Set(content).size + 1);
  });

  test.each([
    ['1 byte', 200, 1],
    ['2 bytes', 5000, 2],
    ['4 bytes', 70_000, 4],
  ])('keeps ids in %s where %d characters need no more', async (_, size, width) => {
    // Skips the surrogates, which are no characters.
    const alphabet = Array.from({ length: size }, (_, i) =>
      String.fromCodePoint(i + 1 < 0xd800 ? i + 1 : i + 1 + 0x800),
    ).join('');
    await writeFile(join(from, 'wide.txt'), alphabet);
    const dataset = await prepare('wide.txt', { validation: 0 });
    expect((await trainingText(dataset)) === alphabet).toBe(true);
    const file = await readFile(
      join(
        cache,
        (await readdir(cache)).find((name) => name.startsWith('wide'))!,
      ),
    );
    expect(JSON.parse(file.subarray(16, 512).toString())).toMatchObject({ width, count: size });
  });
});

test('a file is read in chunks: one longer than a chunk is whole, characters at the borders too', async () => {
  const long = '鯨🐋x'.repeat(300_000); // 2.4 MB, 8 bytes each
  await writeFile(join(from, 'long.txt'), long);
  expect((await trainingText(await prepare('long.txt', { validation: 0 }))) === long).toBe(true);
});

describe('a package', () => {
  test('whose function gives chapters is joined in order', async () => {
    await writePackage('chapters', 'module.exports = () => [{ title: 1, text: "one" }, { text: "two" }, "three"];');
    expect(await trainingText(await prepare('chapters', { validation: 0 }))).toBe('one\n\ntwo\n\nthree');
  });

  test('with a scope may hold a text file', async () => {
    await writePackage('@some/corpus', '');
    await writeFile(join(from, 'node_modules/@some/corpus/data.txt'), content);
    expect(await trainingText(await prepare('@some/corpus/data.txt', { validation: 0 }))).toBe(content);
  });

  test('is imported by its bare name only, and never by a path', async () => {
    await writePackage('corpus', 'module.exports = "text";');
    await writeFile(join(from, 'node_modules/corpus/evil.js'), 'globalThis.owned = true;');
    const paths = [
      'corpus/evil.js',
      'corpus/evil',
      'x/../node_modules/corpus/evil',
      'corpus/../corpus/evil',
      'node:fs',
      'fs',
    ];
    for (const path of [...paths, '@some/../corpus/evil'])
      await expect(prepare(path), path).rejects.toThrow(
        `text: expected a file, a URL or an installed package, got ${JSON.stringify(path)}`,
      );
    expect(globalThis).not.toHaveProperty('owned');
  });

  test('that exports something else, or fails, is a ConfigError', async () => {
    await writePackage('numbers', 'module.exports = [1, 2];');
    await writePackage('broken', 'throw new Error("no data");');
    await expect(prepare('numbers')).rejects.toThrow('expected package numbers to export a text or a list of texts');
    await expect(prepare('broken')).rejects.toThrow('expected package broken to give its text, got no data');
  });
});

test('a URL is downloaded once', async () => {
  let requests = 0;
  const server = createServer((request, response) => {
    requests++;
    response.statusCode = request.url === '/a.txt' ? 200 : 404;
    response.end(content);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  try {
    expect(await trainingText(await prepare(`${base}/a.txt`, { validation: 0 }))).toBe(content);
    await prepare(`${base}/a.txt`);
    expect(requests).toBe(1);
    await expect(prepare(`${base}/b.txt`)).rejects.toThrow(
      `text: expected to fetch ${base}/b.txt, got HTTP status 404`,
    );
  } finally {
    server.close();
  }
  await expect(prepare(`${base}/c.txt`)).rejects.toThrow(ConfigError);
});

describe('one clear line for', () => {
  test.each<[string, string, () => Promise<unknown>, string, string?]>([
    [
      'nothing of that name',
      'no.txt',
      async () => {},
      'text: expected a file, a URL or an installed package, got "no.txt"',
    ],
    ['an empty file', 'a.txt', () => writeFile(join(from, 'a.txt'), ''), 'text: expected a text, got nothing in a.txt'],
    ['an empty file of bytes', 'a.txt', () => writeFile(join(from, 'a.txt'), ''), 'got nothing in a.txt', 'bytes'],
    [
      'a binary file',
      'a.bin',
      () => writeFile(join(from, 'a.bin'), Buffer.from([1, 2, 0])),
      'got a NUL byte at 2 of a.bin',
    ],
    [
      'another encoding',
      'a.txt',
      () => writeFile(join(from, 'a.txt'), Buffer.from([65, 0xe9, 66])),
      'text: expected UTF-8',
    ],
    ['a folder', '.', async () => {}, 'text: expected a file of text, got something else at'],
    [
      'no tokenizer.json',
      'a.txt',
      () => writeFile(join(from, 'a.txt'), 'abc'),
      'expected a tokenizer.json, got no file',
      'none.json',
    ],
  ])('%s', async (_, source, arrange, message, tokenizer = 'characters') => {
    await arrange();
    const failed = await prepare(source, { tokenizer }).catch((error: unknown) => error as Error);
    expect(failed).toBeInstanceOf(ConfigError);
    expect((failed as Error).message).toContain(message);
    expect((failed as Error).message.split('\n').filter((line) => !line.startsWith('hint: '))).toHaveLength(1);
  });

  test('a cache folder that cannot be made', async () => {
    await writeFile(join(from, 'taken'), '');
    vi.stubEnv('LOCKSTEP_CACHE', join(from, 'taken', 'cache'));
    await expect(prepare('a.txt')).rejects.toThrow('expected a cache folder that can be written, got ENOTDIR');
  });
});

test('the cache lies in the nearest package with node_modules, else in the home folder', async () => {
  vi.stubEnv('LOCKSTEP_CACHE', '');
  vi.stubEnv('HOME', join(from, 'home'));
  const nested = join(from, 'project', 'src');
  await mkdir(nested, { recursive: true });
  expect(await cacheFolder(nested)).toBe(join(from, 'home', '.cache', 'lockstep'));
  await writeFile(join(from, 'project', 'package.json'), '{}');
  await mkdir(join(from, 'project', 'node_modules'));
  expect(await cacheFolder(nested)).toBe(join(from, 'project', 'node_modules', '.cache', 'lockstep'));
});
