import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { bundle, writeBundle } from './bundle.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lockstep-bundle-'));
});
afterEach(() => rm(folder, { recursive: true }));

/** Writes files under a folder and gives the path of the first. */
async function project(files: Record<string, string>, at = 'project'): Promise<string> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, at, name)), { recursive: true });
    await writeFile(join(folder, at, name), text);
  }
  return join(folder, at, Object.keys(files)[0]!);
}

/** What the bundle of these files exports, where it lies in a folder of its own. */
async function run(files: Record<string, string>): Promise<Record<string, unknown>> {
  const entry = await writeBundle(await bundle(await project(files)), join(folder, 'elsewhere'));
  return (await import(pathToFileURL(entry).href)) as Record<string, unknown>;
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

const program = {
  'run.ts': `
    import { double } from './model/index.ts';
    export default { value: double(4), text: new URL('./a.txt', import.meta.url), later: () => import('./later.ts') };`,
  'model/index.ts': `export { default as double } from './double.cjs';`,
  'model/double.cjs': `module.exports = (x) => 2 * x;`,
  'later.ts': `import { double } from './model/index.ts';\nexport default double(21);`,
  'a.txt': 'hello',
};

describe('the name of a bundle', () => {
  test('is the sha256 of its module, as each file’s is of its bytes', async () => {
    const { files, entry, sha256: name } = await bundle(await project(program));
    expect(entry).toBe(`${name}.mjs`);
    for (const [file, bytes] of files) expect(file.slice(0, 64)).toBe(sha256(bytes));
  });

  test('is the same in any folder', async () => {
    const here = await bundle(await project(program, 'here'));
    const there = await bundle(await project(program, 'some/where else/deeper'));
    expect(there.sha256).toBe(here.sha256);
    expect(Array.from(there.files.keys())).toEqual(Array.from(here.files.keys()));
  });

  test('does not depend on comments', async () => {
    const before = await bundle(await project(program, 'here'));
    const after = await bundle(await project({ ...program, 'run.ts': `// new\n${program['run.ts']}` }, 'there'));
    expect(after.sha256).toBe(before.sha256);
  });

  test.each(['later.ts', 'a.txt', 'model/double.cjs'] as const)('changes with %s', async (name) => {
    const before = await bundle(await project(program, 'here'));
    const after = await bundle(await project({ ...program, [name]: program[name].replace(/2|hello/, '3') }, 'there'));
    expect(after.sha256).not.toBe(before.sha256);
  });
});

describe('a bundle in another folder', () => {
  test('runs, with its files and what it imports later', async () => {
    const { default: made } = await run(program);
    const { value, text, later } = made as { value: number; text: URL; later: () => Promise<{ default: number }> };
    expect([value, text.href.split('/').at(-1), (await later()).default]).toEqual([
      8,
      `${sha256(Buffer.from('hello'))}.txt`,
      42,
    ]);
  });

  test('may hold a CommonJS package that requires a module of Node’s', async () => {
    const made = await run({
      'run.ts': `import { name } from './old.cjs';\nexport default name;`,
      'old.cjs': `module.exports = { name: require('node:path').basename('/a/b') };`,
    });
    expect(made['default']).toBe('b');
  });

  test('may import a module by its URL', async () => {
    const other = await project({ 'other.ts': 'export default 7 as number;' }, 'beside');
    const made = await run({ 'run.ts': `export { default } from ${JSON.stringify(pathToFileURL(other).href)};` });
    expect(made['default']).toBe(7);
  });

  test('may import long JSON, which stays a string: by its default, by names, and by require', async () => {
    const list = Array.from({ length: 20_000 }, (_, i) => i / 7);
    const files = {
      'run.ts': `
        import data, { size } from './data.json';
        import { list } from './required.cjs';
        export default [size, data.list.at(-1), list === data.list];`,
      'required.cjs': `exports.list = require('./data.json').list;`,
      'data.json': JSON.stringify({ size: 5, list }, null, 2),
    };
    expect((await run(files))['default']).toEqual([5, list.at(-1), true]);
    const { files: made } = await bundle(await project(files));
    expect(Buffer.concat([...made.values()]).toString()).toContain('JSON.parse(');
  });

  test('may have enums, decorators, JSON, paths of tsconfig.json and imports without extension', async () => {
    const { kind, tag, size, shared } = await run({
      'run.ts': `
        import data from './data.json';
        import { shared } from '@shared/it';
        import { tag } from './tag';
        enum Kind { A = 3, B }
        export const kind = Kind.B, size = data.size;
        export { shared, tag };`,
      'data.json': '{ "size": 5 }',
      'tsconfig.json':
        '{ "compilerOptions": { "experimentalDecorators": true, "paths": { "@shared/*": ["./lib/*"] } } }',
      'lib/it.ts': 'export const shared = 7;',
      'tag.ts': `const mark = (c: any) => { c.tag = c.name; };\n@mark class Tagged {}\nexport const tag = (Tagged as any).tag;`,
    });
    expect({ kind, tag, size, shared }).toEqual({ kind: 4, tag: 'Tagged', size: 5, shared: 7 });
  });

  test('keeps lockstep and packages with native parts outside, by version', async () => {
    const file = await project({
      'run.ts': `import 'lockstep'; import 'native'; import 'plain';`,
      'node_modules/lockstep/package.json': '{ "version": "9.9.9" }',
      'node_modules/native/package.json': '{ "version": "1.2.3" }',
      'node_modules/native/build/it.node': '',
      'node_modules/plain/package.json': '{ "version": "1.0.0", "main": "main.js" }',
      'node_modules/plain/main.js': 'globalThis.plain = 1;',
    });
    const { outside, files, entry } = await bundle(file);
    expect(outside).toEqual([
      { name: 'lockstep', version: '9.9.9' },
      { name: 'native', version: '1.2.3' },
    ]);
    expect(Buffer.from(files.get(entry)!).toString()).toContain('// outside: lockstep@9.9.9 native@1.2.3');
  });

  test('names the user’s lines: a map leads from a place after a file’s name back to the source', async () => {
    const file = await project({
      'run.ts': `export const file = new URL('./run.ts', import.meta.url);\n\nexport const fail = () => { throw new Error('here'); };`,
    });
    const { files, maps, entry } = await bundle(file);
    const { SourceMap } = await import('node:module');
    const text = Buffer.from(files.get(entry)!).toString();
    const [, name] = /sourceMappingURL=(.*)/.exec(text)!;
    const found = new SourceMap(JSON.parse(maps.get(name!)!)).findEntry(0, text.indexOf('new Error'));
    expect(found).toMatchObject({ originalSource: pathToFileURL(file).href, originalLine: 2 });
  });
});

describe('what is refused, with file and line', () => {
  test.each([
    ['__dirname', 'export const here = __dirname;'],
    ['__filename', 'export const here = __filename;'],
    ['import.meta.url', 'export const here = import.meta.url;'],
    ['import.meta.url', 'const name = String(1);\nexport const here = new URL(name, import.meta.url);'],
    ['import.meta.dirname', 'export const here = import.meta.dirname;'],
    ['import.meta', 'const meta = import.meta;\nexport const here = meta.url;'],
    ['an import that is computed', 'export const later = (name: string) => import(name);'],
    ['an import that is computed', 'export const later = (name: string) => import(`./${name}.ts`);'],
  ])('%s in %j', async (what, code) => {
    const file = await project({ 'run.ts': `export * from './inner.ts';`, 'inner.ts': `// first\n${code}` });
    const line = 2 + code.split('\n').findIndex((text) => /__|import/.test(text));
    const answer = await bundle(file).catch((error: Error) => error.message);
    expect(answer).toContain(`${join(dirname(file), 'inner.ts')}:${line}: expected`);
    expect(answer).toContain(`got ${what}`);
  });

  test('a file that is not there', async () => {
    const file = await project({ 'run.ts': `\nexport const x = new URL('./none.txt', import.meta.url);` });
    await expect(bundle(file)).rejects.toThrow(`${file}:2: expected new URL(…, import.meta.url) to name a file`);
  });

  test('code that cannot be parsed', async () => {
    const file = await project({ 'run.ts': `export const x = 1;\nexport const = 2;` });
    await expect(bundle(file)).rejects.toThrow(`${file}:2: expected code that can be bundled`);
  });

  test('none of these words in strings and comments', async () => {
    const { words } = await run({ 'run.ts': `export const words = '__dirname import.meta.url'; // __dirname` });
    expect(words).toBe('__dirname import.meta.url');
  });
});

test('a run file behind a link is the file itself', async () => {
  const file = await project(program);
  await symlink(file, join(folder, 'link.ts'));
  expect((await bundle(join(folder, 'link.ts'))).sha256).toBe((await bundle(file)).sha256);
});
