import {
  appendFile,
  chmod,
  lstat,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { chunkBytes } from '../../data/chunks.ts';
import { memoryPlace } from '../../data/data-place.ts';
import type { Dataset } from '../../data/dataset.ts';
import { type DatasetValue, defineDataset, openDataset } from '../../data/define-dataset.ts';
import { text } from '../../data/text.ts';
import { nodePlace, type NodePlaceOptions, preparedPlace } from './node-place.ts';

let folder = '';
let cache = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lockstep-rows-'));
  cache = join(folder, 'cache');
  vi.stubEnv('LOCKSTEP_CACHE', cache);
  loads = 0;
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

let loads = 0;
const code = 'a'.repeat(64);

/** Rows that are others each time they are loaded. */
const shuffled = defineDataset<{ size: number }>({
  name: 'shuffled',
  load: ({ size }) => {
    loads++;
    const numbers = Float32Array.from({ length: size }, () => Math.random());
    return {
      training: { size, at: (i) => ({ x: numbers.subarray(i, i + 1), list: new Uint8Array(i % 3).fill(i) }) },
      validation: { size: 5, at: (i) => ({ x: numbers.subarray(i, i + 1), list: new Uint8Array(2) }) },
      facts: { classes: 3 },
    };
  },
});

const prepare = (options: NodePlaceOptions = {}, size = 100): Promise<Dataset> =>
  openDataset(shuffled({ size }), nodePlace({ from: folder, ...options }));

const work = (dataset: Dataset): Promise<Dataset> =>
  openDataset(shuffled({ size: 100 }), preparedPlace({ sha256: dataset.sha256, path: dataset.path! }));

const request = { step: 3, seed: 5, shard: 0, shards: 1, batchSize: 40 };
const batchOf = (dataset: Dataset): unknown => dataset.batches({}).batch(request);

describe('rows', () => {
  test('are loaded once for the same code and settings, and opened by workers, which load nothing', async () => {
    const first = await prepare({ code });
    const again = await prepare({ code });
    const worker = await work(first);
    expect(loads).toBe(1);
    for (const dataset of [again, worker]) {
      expect([dataset.sha256, dataset.facts, dataset.sizes]).toEqual([first.sha256, first.facts, first.sizes]);
      expect(batchOf(dataset)).toEqual(batchOf(first));
      const part = { shard: 1, shards: 2, batchSize: 4 };
      expect(dataset.batches({}).validationBatch(1, part)).toEqual(first.batches({}).validationBatch(1, part));
    }
    for (const dataset of [first, again, worker]) dataset.close();
  });

  test('are loaded again for other code, other settings, and where nothing is known of the code', async () => {
    const datasets = [
      await prepare({ code }),
      await prepare({ code: 'b'.repeat(64) }),
      await prepare({ code }, 101),
      await prepare(),
      await prepare(),
    ];
    expect(loads).toBe(5);
    expect(new Set(datasets.map(({ sha256 }) => sha256)).size).toBe(5);
    for (const dataset of datasets) dataset.close();
  });

  test('of a version are loaded once, whatever the code around them', async () => {
    const versioned = (version: number): DatasetValue =>
      defineDataset({
        name: 'versioned',
        version,
        load: () => ({ training: { size: 2, at: (i) => ({ x: Uint32Array.of(loads, i) }) }, facts: { load: ++loads } }),
      })();
    const facts = async (version: number, letter: string): Promise<unknown> => {
      const dataset = await openDataset(versioned(version), nodePlace({ from: folder, code: letter.repeat(64) }));
      dataset.close();
      return dataset.facts;
    };
    expect([await facts(1, 'a'), await facts(1, 'b'), await facts(2, 'b')]).toEqual([
      { load: 1 },
      { load: 1 },
      { load: 2 },
    ]);
  });

  test('of a run that goes on are those that it began with, whatever its code gives now', async () => {
    const began = await prepare({ code });
    began.close();
    const { sha256 } = began;
    const resumed = await prepare({ code: 'b'.repeat(64), sha256 });
    expect([loads, resumed.sha256]).toEqual([1, sha256]);
    resumed.close();
    await rm(began.path!);
    const loaded = await prepare({ code: 'b'.repeat(64), sha256 });
    expect([loads, loaded.sha256 === sha256]).toEqual([2, false]);
    loaded.close();
  });

  test('have the sha256 that the same rows have in memory', async () => {
    const squares = defineDataset({
      name: 'squares',
      load: () => ({ training: { size: 300, at: (i) => ({ x: Float64Array.of(i * i), y: new Uint8Array(i % 7) }) } }),
    })();
    const [file, memory] = [
      await openDataset(squares, nodePlace({ from: folder })),
      await openDataset(squares, memoryPlace),
    ];
    expect(file.sha256).toBe(memory.sha256);
    expect(batchOf(file)).toEqual(batchOf(memory));
    file.close();
  });

  test('lie in files that are this user’s alone, elements as narrow as they were', async () => {
    const dataset = await prepare();
    dataset.close();
    const files = await readdir(cache);
    expect(files).toHaveLength(2);
    for (const file of files) expect(((await stat(join(cache, file))).mode & 0o777).toString(8)).toBe('600');
    const rows = 100 * 4 + 99; // numbers, and 0, 1 or 2 bytes of each list
    expect((await stat(dataset.path!.replace(/\.json$/, ''))).size).toBe(rows + 100 * (8 + 2 * 4) + 5 * (4 + 2));
  });

  test('may come from several files', async () => {
    for (const name of ['a', 'b', 'c'])
      await writeFile(
        join(folder, `${name}.bin`),
        Uint8Array.from({ length: 8 }, (_, i) => name.charCodeAt(0) + i),
      );
    const files = defineDataset({
      name: 'files',
      async load(_, { from }) {
        const names = (await readdir(from)).filter((name) => name.endsWith('.bin')).toSorted();
        return {
          training: { size: names.length, at: async (i) => ({ bytes: await readFile(join(from, names[i]!)) }) },
        };
      },
    });
    const dataset = await openDataset(files(), nodePlace({ from: folder }));
    const { bytes } = dataset.batches({}).batch({ ...request, batchSize: 3 });
    expect([...bytes!].filter((_, i) => i % 8 === 0).toSorted((a, b) => a - b)).toEqual([97, 98, 99]);
    dataset.close();
  });

  test('that cannot be loaded leave no file behind', async () => {
    const broken = defineDataset({
      name: 'broken',
      load: () => ({ training: { size: 9, at: (i) => ({ x: i < 8 ? new Float32Array(2) : (undefined as never) }) } }),
    });
    await expect(openDataset(broken(), nodePlace({ from: folder, code }))).rejects.toThrow(
      'broken: row 8: x: expected a typed array, got nothing',
    );
    expect(await readdir(cache)).toEqual([]);
  });
});

test('what a killed launcher has left is removed after a day, and not before', async () => {
  (await prepare()).close();
  const [old, young] = ['.rows-old.tmp', '.rows-young.tmp'].map((name) => join(cache, name));
  for (const path of [old!, young!]) await writeFile(path, 'x');
  const before = new Date(Date.now() - 25 * 3_600_000);
  await utimes(old!, before, before);
  (await prepare()).close();
  expect((await readdir(cache)).filter((name) => name.startsWith('.'))).toEqual(['.rows-young.tmp']);
});

test('rows that take long are said to be waited for', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const notes: string[] = [];
  const slow = defineDataset({
    name: 'slow',
    load: () => {
      vi.advanceTimersByTime(10_000);
      return { training: { size: 1, at: () => ({ x: Float32Array.of(1) }) } };
    },
  });
  const note = (line: string): void => void notes.push(line);
  (await openDataset(slow(), nodePlace({ from: folder, note }))).close();
  vi.useRealTimers();
  expect(notes).toEqual(['note: loading the rows of slow, which are then kept']);
});

describe('files that are not what they were', () => {
  const big = defineDataset({
    name: 'big',
    load: () => ({ training: { size: 3, at: (i) => ({ x: new Uint8Array(chunkBytes).fill(i) }) } }),
  })();
  const flip = async (path: string, place: number): Promise<void> => {
    const bytes = await readFile(path);
    bytes[place]! ^= 1;
    await writeFile(path, bytes);
  };

  test('are told by the rows that lie there, when these are read; others can be', async () => {
    const written = await openDataset(big, nodePlace({ from: folder }));
    written.close();
    const { sha256, path } = written;
    const bytes = path!.replace(/\.json$/, '');
    await flip(bytes, chunkBytes + 5);
    const dataset = await openDataset(big, preparedPlace({ sha256, path: path! }));
    const { batch } = dataset.batches({});
    const outcomes = [0, 1, 2].map((step) => {
      try {
        return batch({ ...request, step, batchSize: 1 })['x']![0];
      } catch (error) {
        return (error as Error).message.split('\n')[0];
      }
    });
    expect(new Set(outcomes)).toEqual(
      new Set([0, 2, `big: expected ${bytes} as it was written, got other bytes in its chunk 1`]),
    );
    dataset.close();
  });

  const damages: [string, (path: string, bytes: string) => Promise<unknown>, string][] = [
    ['no manifest', (path) => rm(path), 'ENOENT'],
    ['another manifest', (path) => flip(path, 20), 'other content than its sha256 says'],
    ['no bytes', (_, bytes) => rm(bytes), 'ENOENT'],
    ['fewer bytes', (_, bytes) => truncate(bytes, 100), '100 bytes instead of'],
    ['more bytes', (_, bytes) => appendFile(bytes, 'x'), 'bytes instead of'],
    [
      'a link',
      async (path) => {
        await rename(path, `${path}.moved`);
        await symlink(`${path}.moved`, path);
      },
      'got a link',
    ],
  ];
  test.each(damages)('%s: a worker says so, a launcher loads anew', async (_, damage, got) => {
    const first = await prepare({ code });
    first.close();
    await damage(first.path!, first.path!.replace(/\.json$/, ''));
    await expect(work(first)).rejects.toThrow(got);
    await expect(work(first)).rejects.toMatchObject({ code: 'CHECKPOINT' });
    const again = await prepare({ code });
    expect(loads).toBe(2);
    expect((await lstat(again.path!)).isFile()).toBe(true);
    again.close();
  });

  test('and a note that is none of a sha256 is not believed', async () => {
    (await prepare({ code })).close();
    const note = (await readdir(cache)).find((name) => name.endsWith('.rows-of'))!;
    await writeFile(join(cache, note), '../../etc/passwd');
    await chmod(join(cache, note), 0o600);
    (await prepare({ code })).close();
    expect(loads).toBe(2);
  });
});

describe('a text', () => {
  test('is opened by workers though what it was made from is gone', async () => {
    await writeFile(join(folder, 'a.txt'), 'Call me Ishmael. '.repeat(40));
    const value = text('a.txt');
    const first = await openDataset(value, nodePlace({ from: folder }));
    await rm(join(folder, 'a.txt'));
    const prepared = { sha256: first.sha256, path: first.path! };
    const worker = await openDataset(value, preparedPlace(prepared));
    const batch = (dataset: Dataset): unknown => dataset.batches({ context: 16 }).batch(request);
    expect(batch(worker)).toEqual(batch(first));
    expect([worker.facts, worker.sha256, worker.name]).toEqual([first.facts, first.sha256, 'a.txt']);
    expect(await worker.tokenizer!.decode(await worker.tokenizer!.encode('Call me'))).toBe('Call me');
    for (const dataset of [first, worker]) dataset.close();
    await expect(openDataset(value, preparedPlace({ ...prepared, sha256: code }))).rejects.toThrow(
      `text: expected the tokens of a.txt at ${prepared.path}, got no such file, or another`,
    );
  });
});
