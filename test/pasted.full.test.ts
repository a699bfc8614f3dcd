// The command with which a run that was stopped goes on, taken from what it printed.
import { expect, test } from 'vitest';
import { folder, start } from './cli.ts';
import { oddFile, oddFolder, paste, writeOddRun } from './pasted.ts';

test('the command to resume works when pasted, also with names that a shell would take apart', async () => {
  const cwd = folder();
  writeOddRun(cwd, { steps: 400 });
  const interrupted = start(['train', oddFile, '--out', oddFolder, '--workers', '2'], { cwd });
  await interrupted.line(/^step \d/);
  interrupted.process.kill('SIGINT');
  const { stdout, stderr } = await interrupted.finished;
  expect(paste('resume', stdout + stderr, cwd)).toMatchObject({
    code: 0,
    output: expect.stringContaining('✓ 400 steps'),
  });
});
