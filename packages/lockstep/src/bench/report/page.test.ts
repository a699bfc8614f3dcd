import { expect, test } from 'vitest';
import { benchFile, measuredRow } from '../bench-file.fixture.ts';
import { reportPage } from './page.ts';

const hostile = '<script>alert(1)</script>&"\'';

test('what a stranger wrote is text of the page, in tables and in drawings', async () => {
  const rows = [{ ...measuredRow(), op: hostile, family: hostile }];
  const page = await reportPage([benchFile(rows, hostile), benchFile(rows, 'card')]);
  expect(page).not.toContain('<script>alert');
  expect(page.match(/<script/g)).toHaveLength(1);
});

test('a page needs no network, and says of a software adapter that it is one', async () => {
  const file = benchFile([measuredRow()]);
  const page = await reportPage([{ ...file, adapter: { ...file.adapter, software: true } }]);
  expect(page).toContain('card (software)');
  expect(page.replaceAll('http://www.w3.org/', '')).not.toMatch(/https?:\/\//);
});
