// Reads kernels/*.wgsl and writes kernels/src/index.ts: one typed constant per kernel, and the pieces of kernels/lib for
// kernels that are written at run time. The .wgsl file is the only source: what `Device.run` checks is read from it, by the
// parser that also reads the kernels of users. `// use: name` at the start of a line pulls in kernels/lib/name.wgsl.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseKernel } from './dist/parser/parse-kernel.js';

const root = new URL('./', import.meta.url);
const output = new URL('src/index.ts', root);
const camel = (name) => name.replace(/_(\w)/g, (_, letter) => letter.toUpperCase());
const read = (path) => readFileSync(new URL(path, root), 'utf8');
const union = (names) => (names.length ? names.map((name) => `'${name}'`).join(' | ') : 'never');
const filesOf = (folder) =>
  readdirSync(fileURLToPath(new URL(folder, root)))
    .filter((file) => file.endsWith('.wgsl'))
    .sort();

const expand = (code) => code.replace(/^\/\/ use: (\w+)$/gm, (_, name) => read(`lib/${name}.wgsl`));
const parse = (file) => parseKernel(camel(file.replace('.wgsl', '')), expand(read(file)));

const declare = (kernel) => `export const ${kernel.name}: Kernel<
  { ${kernel.params.map(({ name }) => `${name}: number`).join('; ')} },
  ${union(kernel.bindings.map(({ name }) => name))},
  ${union(Object.keys(kernel.constants))}
> = ${JSON.stringify(kernel, null, 2)};
`;

const lib = Object.fromEntries(filesOf('lib/').map((file) => [file.replace('.wgsl', ''), read(`lib/${file}`)]));

writeFileSync(
  output,
  `// Generated from kernels/*.wgsl by kernels/generate.mjs. Do not edit.
import type { Kernel } from './kernel.ts';

export type * from './kernel.ts';
export * from './parse-kernel.ts';

/** The pieces that kernels share, by name. */
export const lib: Readonly<Record<${union(Object.keys(lib))}, string>> = ${JSON.stringify(lib, null, 2)};

${filesOf('./').map(parse).map(declare).join('\n')}`,
);
