// Training from a script: `train` starts workers with the module of the run that the script imports, wherever that lies.
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { run, scriptFolder } from './cli.ts';

const runFile = `import { adamW, constant, defineRun, gpt, text } from 'lockstep';
export default defineRun({
  name: 'few',
  model: gpt({ layers: 1, heads: 1, width: 8, context: 8 }),
  data: text('few.txt', { tokenizer: 'characters', validation: 0.2 }),
  optimizer: adamW(),
  schedule: constant({ peak: 1e-2 }),
  batch: 8,
  steps: 2,
});
`;
const train = `import { train } from 'lockstep';
import run from './run.ts';
const { weightsSha256 } = await train(run, { quiet: true });
console.log(weightsSha256);
`;

/** A folder of a script beside a run file, which reads the text beside it. */
function project(script: string, words: string): string {
  const cwd = scriptFolder(script);
  writeFileSync(join(cwd, 'run.ts'), runFile);
  writeFileSync(join(cwd, 'few.txt'), words.repeat(40));
  return cwd;
}

const runScript = (cwd: string) => run(['run', 'script.mjs'], { cwd });

test('the same code in two folders trains on the text of its own folder, also when the other is gone', async () => {
  const [tides, ships] = [project(train, 'tides come and go. '), project(train, 'ships sail and sink. ')];
  const first = await runScript(tides);
  expect(first.code, first.stderr).toBe(0);
  const second = await runScript(ships);
  expect(second.stdout).not.toBe(first.stdout);
  rmSync(tides, { recursive: true });
  expect(await runScript(project(train, 'ships sail and sink. '))).toMatchObject({ code: 0, stdout: second.stdout });
});

test('two run files with the same code are refused: one would be taken for the other', async () => {
  const cwd = project(`${train}import other from './other/run.ts';\nawait train(other);\n`, 'tides come and go. ');
  mkdirSync(join(cwd, 'other'));
  cpSync(join(cwd, 'run.ts'), join(cwd, 'other/run.ts'));
  const { code, stderr } = await runScript(cwd);
  expect(code).toBe(2);
  expect(stderr).toMatch(/expected run files that differ, got the same code in .*\n.*hint: import one of them/);
});

test('what cannot be bundled in a run that a script imports is named by its file and line', async () => {
  const cwd = project(train, 'tides come and go. ');
  writeFileSync(join(cwd, 'run.ts'), `${runFile}console.log(__dirname);\n`);
  expect(await runScript(cwd)).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/^error \S+\/run\.ts:11: expected/),
  });
});

test.each([
  [
    'one that is made of another',
    '{ ...run }',
    /expected a run that a module exports by default, got few, which is made here/,
  ],
  [
    'one that is not exported',
    '{ ...run, batch: 16 }',
    /hint: workers import the run's module: export default defineRun/,
  ],
])('a run that no module exports is refused: %s', async (_, expression, message) => {
  const cwd = project(train.replace('train(run,', `train(${expression},`), 'tides come and go. ');
  const { code, stderr } = await runScript(cwd);
  expect(code).toBe(2);
  expect(stderr).toMatch(message);
});
