// A user's kernel as a candidate: its inputs, its outputs by definition, and their comparison in every element.
import { readFile } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { type Device, kernel as parse, sizeOf, type Tensor } from '@lockstep/tensor';
import { ConfigError } from '@lockstep/trainer';
import { loadModule } from '../../load/load-module.ts';
import type { Candidate, Judged, Prepared } from '../measure.ts';
import { type Arrays, labelOf, type OwnKernelOrder, type ReferenceModule } from './order.ts';

type Kernel = ReturnType<typeof parse>;

export const ownCandidate = (order: OwnKernelOrder): Candidate => ({
  label: labelOf(order),
  prepare: (device) => prepare(device, order),
});

async function prepare(
  device: Device,
  { kernel: file, reference: from, shape, constants, tolerance }: OwnKernelOrder,
): Promise<Prepared> {
  const kernel = parse(await readFile(file, 'utf8'), { name: basename(file) });
  const reference = await referenceOf(from);
  const size = sizeOf(shape);
  const inputs = inputsFor(kernel, reference.inputs?.(shape, constants), size);
  const expected = reference.default(inputs);
  const tensors = tensorsFor(device, kernel, { inputs, expected });
  const params = reference.params?.(shape, constants) ?? paramsFor(kernel, size);
  const workgroups = reference.workgroups?.(shape, constants) ?? workgroupsFor(kernel, { size, constants });
  const all = Object.values(tensors);
  return {
    cost: { flops: 0, bytes: all.reduce((sum, tensor) => sum + tensor.byteLength, 0) },
    capture: async () => {
      const program = await device.capture(() =>
        device.run(kernel, tensors, params, workgroups as [number], constants),
      );
      return { program, timed: program };
    },
    judge: () => judge(tensors, expected, tolerance),
    dispose: () => {
      for (const tensor of all) tensor.dispose();
    },
  };
}

async function referenceOf(file: string): Promise<ReferenceModule> {
  const module = (await loadModule(resolve(file), file)) as Partial<ReferenceModule>;
  if (typeof module.default !== 'function')
    throw new ConfigError(
      `${file}: expected a function as its default export, got ${typeof module.default}\nhint: export default ({ x }) => ({ y: … })`,
    );
  return module as ReferenceModule;
}

const isRead = ({ access }: Kernel['bindings'][number]): boolean => access === 'read';

/** @throws {ConfigError} unless there is an array for everything that is read */
function inputsFor(kernel: Kernel, given: Arrays | undefined, size: number): Arrays {
  const names = kernel.bindings.filter(isRead).map((binding) => binding.name);
  const missing = names.find((name) => given && !given[name]);
  if (missing !== undefined)
    throw new ConfigError(`bench kernel: expected \`inputs\` to give ${names.join(', ')}, got nothing for ${missing}`);
  const made = kernel.bindings.filter(isRead).map(({ name, type }, i) => {
    const numbers = Float32Array.from({ length: size }, (_, at) => Math.sin(12.9898 * at + 78.233 * (i + 1)));
    return [
      name,
      /u32/.test(type) ? Uint32Array.from(numbers, (value) => Math.floor(128 * (value + 1))) : numbers,
    ] as const;
  });
  return given ?? Object.fromEntries(made);
}

/** What is written begins as zeros. @throws {ConfigError} where the definition lacks an output */
function tensorsFor(
  device: Device,
  { bindings }: Kernel,
  { inputs, expected }: { inputs: Arrays; expected: Record<string, ArrayLike<number>> },
): Record<string, Tensor> {
  return Object.fromEntries(
    bindings.map((binding) => {
      const { name, type } = binding;
      if (isRead(binding)) return [name, device.tensor(inputs[name]!)];
      const length = expected[name]?.length ?? inputs[name]?.length;
      if (length === undefined)
        throw new ConfigError(
          `bench kernel: expected the reference to give ${name}, which the kernel writes, got ${Object.keys(expected).join(', ') || 'nothing'}`,
        );
      return [name, device.tensor(/u32/.test(type) ? new Uint32Array(length) : new Float32Array(length))];
    }),
  );
}

/** @throws {ConfigError} for a kernel with other parameters than `size` */
function paramsFor({ params }: Kernel, size: number): Record<string, number> {
  const others = params.filter(({ name }) => name !== 'size').map(({ name }) => name);
  if (others.length > 0)
    throw new ConfigError(
      `bench kernel: expected the reference to export \`params\`, a function of shape and constants, for ${others.join(', ')}, got none`,
    );
  return params.length === 0 ? {} : { size };
}

/** One invocation an element. @throws {ConfigError} where the size of a workgroup cannot be read */
function workgroupsFor(
  { code, constants: defaults }: Kernel,
  { size, constants }: { size: number; constants: Readonly<Record<string, number>> },
): [number, number?] {
  const written = /@workgroup_size\(([^)]*)\)/.exec(code)?.[1] ?? '';
  const lanes = written.split(',').map((part) => {
    const name = part.trim().replace(/u$/, '');
    return Number(constants[name] ?? defaults[name] ?? name);
  });
  const each = lanes.reduce((all, one) => all * one, 1);
  if (!(each >= 1))
    throw new ConfigError(
      `bench kernel: expected the reference to export \`workgroups\`, since @workgroup_size(${written}) cannot be read`,
    );
  const groups = Math.ceil(size / each);
  return groups <= 65_535 ? [groups] : [65_535, Math.ceil(groups / 65_535)];
}

/** Compares every element. */
async function judge(
  tensors: Record<string, Tensor>,
  expected: Record<string, ArrayLike<number>>,
  tolerance: number,
): Promise<Judged> {
  let error = 0;
  for (const [name, values] of Object.entries(expected)) {
    const tensor = tensors[name];
    if (!tensor) return { error: Infinity, message: `${name} of the reference is no binding of the kernel` };
    const got = await tensor.read();
    const largest = Array.from(values).reduce((most, value) => Math.max(most, Math.abs(value)), 1e-30);
    const off = (i: number): number => Math.abs(got[i]! - values[i]!) / largest;
    const worst = Array.from(values, (_, i) => (Number.isNaN(off(i)) ? Infinity : off(i)));
    const most = worst.reduce((a, b) => Math.max(a, b), 0);
    if (most > tolerance) {
      const at = worst.findIndex((one) => one > tolerance);
      return {
        error: most,
        message: `${name}[${at}] is ${got[at]} and not ${values[at]}; the largest error is ${most.toExponential(1)} of the largest value`,
      };
    }
    error = Math.max(error, most);
  }
  return { error };
}
