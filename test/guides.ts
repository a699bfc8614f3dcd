// The fenced blocks of the guides, in a fresh folder: what a block is for stands behind its language. A file's name: the block is that
// file; `run`: a shell runs it; `shown`: it takes a machine or a time that tests do not have.
import { readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runInShell } from './pasted.ts';

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));
const folder = path('../docs/guides');

export interface Block {
  readonly guide: string;
  readonly language: string;
  readonly use: string;
  readonly text: string;
}

/** All fenced blocks of all guides, in their order. */
export const blocks: readonly Block[] = readdirSync(folder)
  .toSorted()
  .flatMap((guide) =>
    [...readFileSync(join(folder, guide), 'utf8').matchAll(/^```(\w*) ?(.*)\n([\s\S]*?)^```$/gm)].map(
      ([, language, use, text]) => ({ guide, language: language!, use: use!, text: text! }),
    ),
  );

export const guides: readonly string[] = [
  ...new Set(blocks.filter(({ use }) => use === 'run').map((one) => one.guide)),
];

/** Writes the files of a guide, or of all, where packages are found as in examples/. */
export function writeFiles(cwd: string, guide?: string): string[] {
  symlinkSync(path('../examples/node_modules'), join(cwd, 'node_modules'));
  writeFileSync(join(cwd, 'package.json'), '{ "type": "module" }');
  const files = blocks.filter((one) => one.language === 'ts' && (guide ?? one.guide) === one.guide);
  for (const { use, text } of files) writeFileSync(join(cwd, use), text);
  return files.map(({ use }) => use);
}

/** Runs the commands of a guide one after the other, with the built command for `npx lockstep`; gives what failed. */
export function runGuide(cwd: string, guide: string): string[] {
  writeFiles(cwd, guide);
  return blocks
    .filter((one) => one.guide === guide && one.use === 'run')
    .flatMap(({ text }) => {
      const { code, output } = runInShell(text, cwd);
      return code === 0 ? [] : [`${text}ended with ${code}:\n${output}`];
    });
}
