// Where a job's token can be read while the job runs: in the memory of its own processes, and nowhere else.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { folder, run } from '../cli.ts';

const script = `
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'lockstep';

const group = await join();
const text = (environment) => JSON.stringify(environment);
console.log(text({
  size: group.size,
  own: text(process.env).match(/TOKEN/g),
  child: execFileSync('env', { encoding: 'utf8' }).match(/TOKEN/g),
  report: text(process.report.getReport().environmentVariables).match(/TOKEN/g),
  atStart: readFileSync('/proc/self/environ', 'utf8').match(/LOCKSTEP_TOKEN=/g),
  commandLine: readFileSync('/proc/self/cmdline', 'utf8').match(/token/gi),
}));
`;

test('a script in a job, and what it starts, find the token in no environment and on no command line', async () => {
  const cwd = folder();
  const path = join(cwd, 'script.ts');
  writeFileSync(path, script);
  const { code, stdout, stderr } = await run(['run', path, '--workers', '1'], { cwd });
  expect([code, stderr]).toEqual([0, expect.any(String)]);
  const found = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line.replace(/^\[\d\] /, '')) as object);
  const nothing = { own: null, child: null, report: null, atStart: null, commandLine: null };
  expect(found).toEqual([{ size: 1, ...nothing }]);
});
