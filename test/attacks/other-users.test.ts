// Another user of the same machine, who writes where all may write, before this user does: what he has left there is neither believed
// nor followed.
import { readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { folder, run, tinyRun } from '../cli.ts';

test('what somebody says a run file was bundled to is not executed', async () => {
  const [cwd, cache, temporary] = [folder(), folder(), folder()];
  const [file, marker] = [join(cwd, 'run.mts'), join(cwd, 'executed')];
  writeFileSync(file, 'export default 1 as number;');
  const plan = (): ReturnType<typeof run> =>
    run(['plan', file], { cwd, env: { TMPDIR: temporary, LOCKSTEP_CACHE: cache } });
  await plan();
  const bundles = readdirSync(cache, { recursive: true, withFileTypes: true }).filter(({ name }) =>
    name.endsWith('.mjs'),
  );
  expect(bundles).toHaveLength(1);
  for (const { parentPath, name } of bundles)
    writeFileSync(
      join(parentPath, name),
      `import('node:fs').then((fs) => fs.writeFileSync(${JSON.stringify(marker)}, ''));`,
    );
  const { code, stderr } = await plan();
  expect([code, stderr]).toEqual([2, expect.stringContaining('expected a run as its default export, got 1')]);
  expect([readdirSync(cwd), readdirSync(temporary)]).toEqual([['run.mts'], []]);
});

test('what a run writes where others may write goes through no link of theirs', async () => {
  const [cwd, shared] = [folder(), folder()];
  const precious = join(cwd, 'precious');
  writeFileSync(precious, 'precious');
  symlinkSync(precious, join(shared, 'trace.json'));
  const traced = await run(['train', tinyRun, '--trace', join(shared, 'trace.json')], { cwd });
  expect([traced.code, traced.stderr]).toEqual([2, expect.stringContaining('expected a file of its own, got a link')]);
  expect(readFileSync(precious, 'utf8')).toBe('precious');
});
