import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { readBenchFile } from './bench-file.ts';
import { benchFile, measuredRow } from './bench-file.fixture.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bench-file-'));
});

async function read(value: unknown): Promise<unknown> {
  const path = join(folder, 'file.json');
  await writeFile(path, typeof value === 'string' ? value : JSON.stringify(value));
  return readBenchFile(path);
}

test('what a bench has written is read as it was', async () => {
  const file = benchFile([measuredRow()]);
  expect(await read(file)).toEqual(file);
});

test.each([
  ['no JSON', '{', /got no JSON$/],
  ['another schema', { ...benchFile(), schema: 'lockstep-bench/9' }, /at schema$/],
  ['a negative time', benchFile([{ ...measuredRow(), us: -1 }]), /at kernels\.0\.us$/],
  [
    'an infinite time',
    JSON.stringify(benchFile([measuredRow()])).replace('"us":100,', '"us":1e999,'),
    /at kernels\.0\.us$/,
  ],
  [
    'a time of a wrong kernel',
    benchFile([{ ...measuredRow(), status: 'wrong', message: '' } as never]),
    /at kernels\.0$/,
  ],
  ['too many rows', benchFile(Array.from({ length: 100_001 }, () => measuredRow())), /at kernels$/],
  ['a long name', benchFile([{ ...measuredRow(), op: 'x'.repeat(501) }]), /at kernels\.0\.op$/],
  ['what nobody knows', { ...benchFile(), extra: 1 }, /Unrecognized key/],
])('a file with %s is refused in one line', async (_what, value, message) => {
  await expect(read(value)).rejects.toThrow(message);
  await expect(read(value)).rejects.toThrow(
    /^[^\n]+file\.json: expected a file of `lockstep bench … --json`, got [^\n]+$/,
  );
});

test('a file that is not there is refused', async () => {
  await expect(readBenchFile(join(folder, 'none.json'))).rejects.toThrow(/got nothing that can be read$/);
  await expect(readBenchFile(folder)).rejects.toThrow(/got no file$/);
});
