// What a run prints to be pasted, pasted: into a shell, in the folder where it was printed, with the built command for `npx lockstep`.
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const bin = fileURLToPath(new URL('../packages/lockstep/bin/lockstep.js', import.meta.url));

/** The name of a run file that a shell takes apart, unless it is quoted. */
export const oddFile = "it's run #1.mjs";
/** Such a folder. */
export const oddFolder = 'läufe/$1 "neu"';

/** Writes a run of a few seconds on a text of one line, whose tokenizer knows no line end. */
export function writeOddRun(cwd: string, { steps }: { steps: number }): void {
  const run = `import { constant, defineRun, gpt, sgd, text } from 'lockstep';
export default defineRun({
  name: 'odd',
  model: gpt({ layers: 1, heads: 1, width: 16, context: 16 }),
  data: text('./one line.txt'),
  optimizer: sgd(),
  schedule: constant({ peak: 0.1 }),
  batch: 8,
  steps: ${steps},
  sample: { every: ${steps}, tokens: 2 },
});
`;
  writeFileSync(join(cwd, 'one line.txt'), 'Call me Ishmael; never mind how long. '.repeat(40));
  writeFileSync(join(cwd, oddFile), run);
}

/** Runs the command that the line with this label shows. */
export function paste(label: 'try' | 'resume', printed: string, cwd: string): { code: number | null; output: string } {
  const command = new RegExp(`^${label} +(npx lockstep .*)$`, 'm').exec(printed)?.[1];
  if (command === undefined) throw new Error(`expected a line to ${label}, got:\n${printed}`);
  return runInShell(command, cwd);
}

/** Runs lines in a shell, until one fails. */
export function runInShell(lines: string, cwd: string): { code: number | null; output: string } {
  const shims = join(cwd, 'shims');
  mkdirSync(shims, { recursive: true });
  writeFileSync(join(shims, 'npx'), `#!/bin/sh\nshift\nexec '${process.execPath}' '${bin}' "$@"\n`);
  chmodSync(join(shims, 'npx'), 0o755);
  const env = { ...process.env, PATH: `${shims}${delimiter}${process.env['PATH']}` };
  const { status, stdout, stderr } = spawnSync('sh', ['-ec', lines], { cwd, env, encoding: 'utf8' });
  return { code: status, output: stdout + stderr };
}
