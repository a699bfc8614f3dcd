// Rows that somebody's code gives and no run can take: whoever starts one hears it at once.
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { folder, run } from './cli.ts';

const file = fileURLToPath(new URL('fixtures/own-rows.ts', import.meta.url));

test.each([
  ['no validation', 'points: expected data with rows for a validation every 3 steps, got points without any'],
  ['change', 'points: row 0: point: expected the same bytes on every look, got others on the second'],
])('rows with %s stop before a worker starts, with one line', async (fault, line) => {
  const { code, stdout, stderr } = await run(['train', file, '--set', `data.fault=${fault}`], {
    env: { LOCKSTEP_CACHE: folder() },
  });
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toContain(line);
  expect(stderr.trim().split('\n')).toHaveLength(2);
});
