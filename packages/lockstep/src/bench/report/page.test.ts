import { expect, test } from 'vitest';
import { benchFile, measuredRow, stepRow } from '../bench-file.fixture.ts';
import { reportPage } from './page.ts';

const hostile = '<script>alert(1)</script>&"\'';

test('what a stranger wrote is text of the page, in tables and in drawings', async () => {
  const rows = [{ ...measuredRow(), op: hostile, family: hostile }];
  const page = await reportPage([benchFile(rows, hostile), benchFile(rows, 'card')]);
  expect(page).not.toContain('<script>alert');
  expect(page.match(/<script/g)).toHaveLength(1);
});

test('a step says by what it is bound, and has its kernels among the drawn ones', async () => {
  const page = await reportPage([{ ...benchFile(), steps: [{ ...stepRow(), name: hostile }] }]);
  expect(page).toContain('Bound by computing: 77 % of 1.02 ms');
  expect(page).toContain('Below the roof');
  expect(page).not.toContain('<script>alert');
});

test('a page needs no network, and says of a software adapter that it is one', async () => {
  const file = benchFile([measuredRow()]);
  const page = await reportPage([{ ...file, adapter: { ...file.adapter, software: true } }]);
  expect(page).toContain('card (software)');
  expect(page.replaceAll('http://www.w3.org/', '')).not.toMatch(/https?:\/\//);
});

test('a kernel that several adapters have measured is one row, with figures of each', async () => {
  const own = { ...benchFile([measuredRow(undefined, 'only'), measuredRow()]), browser: 'Chromium 156' };
  const page = await reportPage([benchFile([measuredRow(), { ...measuredRow(), us: 321 }], 'card'), own]);
  expect(page).toContain('<th scope="colgroup" colspan="4">v a in Chromium 156</th>');
  const rows = [...page.matchAll(/<tr><td>(matmul|only)<.*?<\/tr>/g)].map(([row]) =>
    [...row.matchAll(/<td(?: [^>]*)?>([^<]*)<\/td>/g)].map(([, cell]) => cell),
  );
  expect(rows.map((cells) => [cells[0], cells[4], cells[8]])).toEqual([
    ['matmul', '321', '100'],
    ['only', '', '100'],
  ]);
});
