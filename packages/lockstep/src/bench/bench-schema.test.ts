import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { benchSchema } from './bench-file.ts';
import { readBenchFile } from './bench-schema.ts';
import { benchFile, measuredRow, stepRow } from './bench-file.fixture.ts';

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

test('a step is read with its place below the ceilings, and without one where its file is older', async () => {
  const file = { ...benchFile(), steps: [stepRow()] };
  expect(await read(file)).toEqual(file);
  const { roofline: _, kernels, ...rest } = stepRow();
  const older = { ...rest, kernels: kernels.map(({ kernel, count, us }) => ({ kernel, count, us })) };
  const from = { ...benchFile(), schema: 'lockstep-bench/1', steps: [older] };
  expect(await read(from)).toEqual({ ...from, schema: benchSchema });
});

test('a file of a page is read, and one from before pages were measured', async () => {
  const { node: _, timer: __, ...rest } = benchFile([measuredRow()]);
  const page = { ...rest, browser: 'Chromium 156', timer: { of: 'host', grainUs: 100 } };
  expect(await read(page)).toEqual(page);
  const older = { ...rest, node: '20.0.0', schema: 'lockstep-bench/2' };
  expect(await read(older)).toEqual({ ...older, schema: benchSchema });
});

test.each([
  ['no JSON', '{', /got a value without end$/],
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
  [
    'a step bound by what nobody knows',
    { ...benchFile(), steps: [{ ...stepRow(), roofline: { ...stepRow().roofline, bound: 'magic' } }] },
    /at steps\.0\.roofline\.bound$/,
  ],
  ['too many rows', benchFile(Array.from({ length: 20_001 }, () => measuredRow())), /at kernels$/],
  ['a long name', benchFile([{ ...measuredRow(), op: 'x'.repeat(501) }]), /at kernels\.0\.op$/],
  ['what nobody knows', { ...benchFile(), extra: 1 }, /Unrecognized key/],
  ['a name of a million letters', { ...benchFile(), ['x'.repeat(1e6)]: 1 }, /Unrecognized key/],
  ['brackets without end', '['.repeat(1e6), /nested more than/],
])('a file with %s is refused in one line', async (_what, value, message) => {
  await expect(read(value)).rejects.toThrow(message);
  await expect(read(value)).rejects.toThrow(
    /^[^\n]+file\.json: expected (a file of `lockstep bench … --json`|JSON), got [^\n]{1,420}$/,
  );
});

test('a file that is not there is refused', async () => {
  await expect(readBenchFile(join(folder, 'none.json'))).rejects.toThrow(/got ENOENT$/);
  await expect(readBenchFile(folder)).rejects.toThrow(/got a folder$/);
});
