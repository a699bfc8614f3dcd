import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { measureDespiteFailures } from './despite-failures.ts';
import { startChild } from './in-children.ts';

/** Measures as the real one does, batch by batch of two; some kernels never end, some end their process. */
const program = `
const { wanted } = JSON.parse(process.argv[2]);
for (let first = 0; first < wanted.length; first += 2) {
  const batch = wanted.slice(first, first + 2);
  for (const [i, { op }] of batch.entries()) {
    process.send({ at: first + i });
    await new Promise((resolve) => setImmediate(resolve));
    if (op === 'endless') for (;;);
    if (op === 'crash') process.exit(7);
  }
  process.send({ rows: batch.map(({ op }) => ({ op, status: 'ok' })) });
}
process.disconnect();
`;

async function measured(text: string, ops: readonly string[]) {
  const path = join(await mkdtemp(join(tmpdir(), 'in-children-')), 'child.mjs');
  await writeFile(path, text);
  const wanted = ops.map((op) => ({ op, shape: '1', family: 'tiled', dtype: 'f32' }) as const);
  return measureDespiteFailures(
    { wanted, rounds: 1 },
    { deadline: 0.5, start: (order, hear) => startChild(order, hear, path) },
  );
}

test('what never ends is killed, what crashes is noted, and all others are measured', async () => {
  const rows = await measured(program, ['a', 'b', 'c', 'endless', 'crash', 'd', 'e']);
  expect(rows.map(({ op, status }) => `${op} ${status}`)).toEqual([
    'a ok',
    'b ok',
    'c ok',
    'endless timeout',
    'crash failed',
    'd ok',
    'e ok',
  ]);
  expect(rows[3]).toMatchObject({ message: 'did not end within 0.5 s, and was stopped with all that measured it' });
  expect(rows[4]).toMatchObject({ message: 'ended what measured it: exit code 7' });
});

test('a process that ends before it measures anything ends the bench', async () => {
  await expect(measured('process.exit(1)', ['a'])).rejects.toThrow(/got one that ended before it began: exit code 1$/);
});
