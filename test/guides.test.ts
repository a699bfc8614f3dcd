// The code of the guides is right as it stands. The commands of all guides: guides.full.test.ts.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { folder } from './cli.ts';
import { blocks, runGuide, writeFiles } from './guides.ts';

const tsc = fileURLToPath(new URL('../node_modules/typescript/bin/tsc', import.meta.url));
const base = fileURLToPath(new URL('../tsconfig.base.json', import.meta.url));

test('every block of the guides says whether it is a file, run, or only shown', () => {
  const odd = blocks.filter(({ language, use }) =>
    language === 'ts' ? !use.endsWith('.ts') : language !== 'sh' || !['run', 'shown'].includes(use),
  );
  expect(odd).toEqual([]);
  expect(blocks.length).toBeGreaterThan(10);
});

test('the TypeScript of the guides passes the type-check', () => {
  const cwd = folder();
  const compilerOptions = {
    composite: false,
    declaration: false,
    declarationMap: false,
    isolatedDeclarations: false,
    noEmit: true,
    customConditions: [], // what users have: the declarations in dist
    types: ['@webgpu/types', 'node'],
    typeRoots: [
      fileURLToPath(new URL('../node_modules/@types', import.meta.url)),
      fileURLToPath(new URL('../node_modules', import.meta.url)),
    ],
  };
  const files = writeFiles(cwd);
  writeFileSync(join(cwd, 'tsconfig.json'), JSON.stringify({ extends: base, compilerOptions, files }));
  const { stdout } = spawnSync(process.execPath, [tsc, '-p', cwd], { cwd, encoding: 'utf8' });
  expect(stdout).toBe('');
});

test('the guide to several workers runs', () => {
  expect(runGuide(folder(), '09-several-workers.md')).toEqual([]);
});
