// Reads kernels/*.wgsl and writes kernels/src/index.ts: one typed constant per kernel.
// The .wgsl file is the only source: its Params struct, storage bindings and overrides become the types
// that `Device.run` checks. `// use: name` at the start of a line pulls in kernels/lib/name.wgsl.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = new URL('./', import.meta.url);
const output = new URL('src/index.ts', root);
const camel = (name) => name.replace(/_(\w)/g, (_, letter) => letter.toUpperCase());
const read = (path) => readFileSync(new URL(path, root), 'utf8');
const union = (names) => (names.length ? names.map((name) => `'${name}'`).join(' | ') : 'never');

const expand = (code) => code.replace(/^\/\/ use: (\w+)$/gm, (_, name) => read(`lib/${name}.wgsl`));

const paramsOf = (code) =>
  [...(/struct Params \{([^}]*)\}/.exec(code)?.[1] ?? '').matchAll(/(\w+): (u32|i32|f32),/g)].map(([, name, type]) => ({
    name,
    type,
  }));

const bindingsOf = (code) =>
  [...code.matchAll(/@binding\((\d+)\) var<storage, (read|read_write)> (\w+): array<([^;]+)>;/g)].map(
    ([, index, access, name, type]) => ({
      index: Number(index),
      name,
      access,
      type,
    }),
  );

const constantsOf = (code) =>
  Object.fromEntries(
    [...code.matchAll(/^override (\w+)(?:: \w+)? = ([^;]+?)u?;/gm)].map(([, name, value]) => [
      name,
      Number(value.replace('false', '0').replace('true', '1')),
    ]),
  );

function parse(file) {
  const code = expand(read(file));
  const kernel = {
    name: camel(file.replace('.wgsl', '')),
    params: paramsOf(code),
    bindings: bindingsOf(code),
    constants: constantsOf(code),
    subgroups: /^enable subgroups;/m.test(code),
  };
  if (!/@compute/.test(code) || !/fn main\(/.test(code))
    throw new Error(`${file}: needs a @compute entry point named main`);
  if (kernel.bindings.length === 0)
    throw new Error(`${file}: needs a storage binding written \`var<storage, read> x: array<T>;\``);
  return { ...kernel, code };
}

const declare = (kernel) => `export const ${kernel.name}: Kernel<
  { ${kernel.params.map(({ name }) => `${name}: number`).join('; ')} },
  ${union(kernel.bindings.map(({ name }) => name))},
  ${union(Object.keys(kernel.constants))}
> = ${JSON.stringify(kernel, null, 2)};
`;

const kernels = readdirSync(fileURLToPath(root))
  .filter((file) => file.endsWith('.wgsl'))
  .sort()
  .map(parse);

writeFileSync(
  output,
  `// Generated from kernels/*.wgsl by kernels/generate.mjs. Do not edit.
import type { Kernel } from './kernel.ts';

export type { Kernel } from './kernel.ts';

${kernels.map(declare).join('\n')}`,
);
