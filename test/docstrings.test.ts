// Whoever reads the documentation finds a sentence under each name that `lockstep` exports. Found in the text of the sources: what
// a name is declared as stands behind `export`, at the beginning of a line, and its docstring right above.
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as lockstep from 'lockstep';
import { expect, test } from 'vitest';

const packages = fileURLToPath(new URL('../packages', import.meta.url));
const sources = (readdirSync(packages, { recursive: true }) as string[])
  .filter((file) => /^\w+\/src\/.*\.ts$/.test(file) && !file.endsWith('.test.ts'))
  .map((file) => ({ file, text: readFileSync(`${packages}/${file}`, 'utf8') }));

/** The names in the braces of `export { … } from`, without `type`. */
function namesOf(door: string): string[] {
  const text = readFileSync(`${packages}/lockstep/src/${door}`, 'utf8');
  const lists = [...text.matchAll(/^export (?:type )?\{([^}]*)\} from '(.*)'/gm)].filter(
    ([, , from]) => from !== 'zod',
  );
  return lists.flatMap(([, list]) => list!.split(',').map((name) => name.trim().replace(/^type /, ''))).filter(Boolean);
}

const docstring = /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\n$/;
const words = (comment: string): string =>
  comment
    .replaceAll(/^\s*\* ?/gm, '')
    .replaceAll(/\s+/g, ' ')
    .trim();

/** What stands above the declarations of a name in the sources. Those inside a package may share it, and stand bare. */
function descriptionsOf(name: string): string[] {
  const declared = new RegExp(
    `^export (?:declare )?(?:abstract )?(?:async )?(?:function\\*?|const|class|interface|type) ${name}\\b`,
    'm',
  );
  return sources.flatMap(({ file, text }) => {
    const at = text.search(declared);
    return at < 0 ? [] : [`${file}: ${words(docstring.exec(text.slice(0, at))?.[1] ?? '')}`];
  });
}

/** What is wrong with a description, if anything is: no word, no head, no end. */
function fault(description: string): string | undefined {
  const text = description
    .replaceAll(/```[\s\S]*?```/g, '')
    .split(/ ?@(?:param|throws|returns)\b/)[0]!
    .trim();
  if (text === '') return 'is missing';
  if (text.startsWith('Of ')) return 'has no head';
  if (!/[.!?):]`?$/.test(text)) return 'has no end';
  return text.split(' ').length < 4 && !/^`.*`/.test(text) ? 'has fewer than four words' : undefined;
}

const namespaces = ['ops', 'layers'];
const names = [
  ...[...namesOf('front-door.ts'), ...namesOf('index.ts')].filter((name) => !namespaces.includes(name)),
  ...Object.keys(lockstep.ops).filter((name) => name !== 'expand'), // the second name of `broadcastTo`
  ...Object.keys(lockstep.layers),
];

test('every name that lockstep exports is declared under a sentence that describes it', () => {
  const faults = names.flatMap((name) => {
    const descriptions = descriptionsOf(name);
    if (descriptions.length === 0) return [`${name} is not found`];
    const described = descriptions.filter((one) => !one.endsWith(': '));
    return (described.length > 0 ? described : descriptions).flatMap((one) => {
      const found = fault(one.slice(one.indexOf(':') + 1).trim());
      return found === undefined ? [] : [`${name} ${found} in ${one}`];
    });
  });
  expect(faults).toEqual([]);
});

test('no docstring begins with what it is of', () => {
  const headless = sources.flatMap(({ file, text }) =>
    [...text.matchAll(/\/\*\*\s*(?:\* )?(Of .*)/g)].map(([, words]) => `${file}: ${words}`),
  );
  expect(headless).toEqual([]);
});
