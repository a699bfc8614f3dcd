// Reads a kernel's interface off its WGSL: at build time for the files of this package, at run time for kernels that users
// bring. Understands what a kernel for Lockstep consists of, and says in one line what it misses.
import type { AnyKernel, KernelBinding, KernelParam } from './kernel.ts';

/** A kernel whose text cannot be what `Device.run` dispatches. */
export class KernelError extends Error {
  readonly code = 'KERNEL';
  override readonly name = 'KernelError';
}

/**
 * A kernel from its text: one `@compute` entry point; storage bindings, and at most one uniform struct of 32-bit scalars, all
 * in group 0; overrides with defaults. Lines `// use: piece` are taken care of before.
 * @throws {KernelError}
 */
export function parseKernel(name: string, code: string): AnyKernel {
  const text = withoutComments(code);
  const variables = variablesOf(name, text);
  const uniform = variables.find(({ space }) => space === 'uniform');
  if (uniform && uniform.index !== 0) throw wrong(name, 'the uniform struct at binding 0', `binding ${uniform.index}`);
  const bindings = variables
    .filter(({ space }) => space === 'storage')
    .map(({ index, name: binding, access, type }) => ({ index, name: binding, access, type }));
  if (bindings.length === 0) throw wrong(name, 'a storage binding, as `var<storage, read> x: array<f32>;`', 'none');
  return {
    name,
    code,
    entryPoint: entryPointOf(name, text),
    params: uniform ? paramsOf(name, text, uniform.type) : [],
    bindings: bindings.toSorted((a, b) => a.index - b.index),
    constants: constantsOf(name, text),
    subgroups: /^\s*enable\b[^;]*\bsubgroups\b/m.test(text),
    f16: /^\s*enable\b[^;]*\bf16\b/m.test(text),
  };
}

const wrong = (name: string, rule: string, got: string): KernelError =>
  new KernelError(`${name}: expected ${rule}, got ${got}`);

/** Comments become blanks of the same lines, so that what follows keeps its place. Block comments nest in WGSL. */
function withoutComments(code: string): string {
  let depth = 0;
  return code.replace(/\/\*|\*\/|\/\/[^\n]*|\n|[^/*\n]+|./g, (token) => {
    if (token === '/*') return (depth++, '');
    if (token === '*/' && depth > 0) return (depth--, '');
    if (token === '\n') return token;
    return depth > 0 || token.startsWith('//') ? '' : token;
  });
}

type Variable = KernelBinding & { readonly space: 'uniform' | 'storage' };

const variable = /((?:@\w+\s*\([^)]*\)\s*)+)var\s*<\s*(uniform|storage)\s*(?:,\s*(\w+)\s*)?>\s*(\w+)\s*:\s*([^;]+);/g;

function variablesOf(kernel: string, text: string): Variable[] {
  const found = [...text.matchAll(variable)].map(
    ([, attributes = '', space, access = 'read', name = '', type = '']) => {
      const [group, index] = ['group', 'binding'].map((word) => numberIn(attributes, word));
      if (group !== 0) throw wrong(kernel, `${name} in @group(0)`, `@group(${group ?? '?'})`);
      if (index === undefined) throw wrong(kernel, `a number in @binding of ${name}`, attributes.trim());
      return { index, name, access, type: type.replace(/\s+/g, ''), space: space as Variable['space'] };
    },
  );
  const twice = found.find(({ index }, i) => found.findIndex((other) => other.index === index) !== i);
  if (twice)
    throw wrong(kernel, `one variable for each binding`, `a second at @binding(${twice.index}): ${twice.name}`);
  return found;
}

function numberIn(attributes: string, word: string): number | undefined {
  const found = new RegExp(`@${word}\\s*\\(\\s*(\\d+)[ui]?\\s*,?\\s*\\)`).exec(attributes)?.[1];
  return found === undefined ? undefined : Number(found);
}

function paramsOf(kernel: string, text: string, type: string): KernelParam[] {
  const body = new RegExp(`\\bstruct\\s+${type}\\s*\\{([^}]*)\\}`).exec(text)?.[1];
  if (body === undefined) throw wrong(kernel, 'a struct of u32, i32 and f32 as its uniform', type);
  const fields = body
    .split(',')
    .map((field) => field.trim())
    .filter(Boolean);
  return fields.map((field) => {
    const [, name, scalar] = /^(\w+)\s*:\s*(u32|i32|f32)$/.exec(field) ?? [];
    if (!name || !scalar) throw wrong(kernel, `fields of u32, i32 or f32 in ${type}`, field);
    return { name, type: scalar };
  });
}

function constantsOf(kernel: string, text: string): Record<string, number> {
  const overrides = [...text.matchAll(/\boverride\s+(\w+)\s*(?::\s*\w+\s*)?(?:=\s*([^;]+?)\s*)?;/g)];
  return Object.fromEntries(
    overrides.map(([, name = '', value]) => {
      const number = value === 'true' ? 1 : value === 'false' ? 0 : Number(value?.replace(/[uifh]$/, ''));
      if (Number.isNaN(number)) throw wrong(kernel, `a number as default of the override ${name}`, value ?? 'none');
      return [name, number];
    }),
  );
}

function entryPointOf(kernel: string, text: string): string {
  const names = [...text.matchAll(/@compute\b[^{;]*?\bfn\s+(\w+)/g)].map(([, name = '']) => name);
  if (names.length !== 1)
    throw wrong(kernel, 'one @compute entry point', names.length === 0 ? 'none' : names.join(', '));
  return names[0]!;
}
