// Measures one variant of a user's kernel: compared with its definition in every element, before it is timed and after.
import { readFile } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { type Device, kernel as parse, type Program, type Tensor, time } from '@lockstep/tensor';
import { ConfigError } from '@lockstep/trainer';
import { loadModule } from '../../load-module.ts';
import type { KernelRow, Round } from '../bench-file.ts';
import { CeilingProbe } from '../ceilings.ts';
import { figures } from '../kernels/measure.ts';
import type { Arrays, OwnKernelOrder, ReferenceModule } from './order.ts';

type Kernel = ReturnType<typeof parse>;

/** A row with times, or with what is wrong, in the compiler's words where it did not compile. */
export async function measureOwnKernel(device: Device, order: OwnKernelOrder): Promise<KernelRow> {
  const { shape, constants, tolerance } = order;
  const label = { op: basename(order.kernel), shape: shape.join('x'), dtype: 'f32', family: 'own', constants };
  const { record, tensors, expected } = await prepare(device, order);
  const start = performance.now();
  let program: Program;
  try {
    program = await device.capture(record);
    await runOnce(device, program);
  } catch (error) {
    return { ...label, status: 'failed', message: (error as Error).message };
  }
  const compileMs = performance.now() - start;
  const before = await judge(tensors, expected, tolerance);
  if (before.message) return { ...label, status: 'wrong', message: before.message };
  const wallUs = 1000 * (await runOnce(device, program));
  const rounds = await timed(device, program, order.rounds);
  const after = await judge(tensors, expected, tolerance);
  if (after.message) return { ...label, status: 'wrong', message: `after timing, ${after.message}` };
  const bytes = Object.values(tensors).reduce((all, tensor) => all + tensor.byteLength, 0);
  const maxError = Math.max(before.error, after.error);
  return { ...label, status: 'ok', ...figures({ flops: 0, bytes }, rounds), rounds, maxError, compileMs, wallUs };
}

interface Prepared {
  /** Dispatches the kernel. */
  readonly record: () => void;
  readonly tensors: Record<string, Tensor>;
  readonly expected: Record<string, ArrayLike<number>>;
}

async function prepare(
  device: Device,
  { kernel: file, reference: from, shape, constants }: OwnKernelOrder,
): Promise<Prepared> {
  const kernel = parse(await readFile(file, 'utf8'), { name: basename(file) });
  const reference = await referenceOf(from);
  const size = shape.reduce((all, one) => all * one, 1);
  const inputs = inputsFor(kernel, reference.inputs?.(shape, constants), size);
  const expected = reference.default(inputs);
  const tensors = tensorsFor(device, kernel, { inputs, expected });
  const params = reference.params?.(shape, constants) ?? paramsFor(kernel, size);
  const workgroups = reference.workgroups?.(shape, constants) ?? workgroupsFor(kernel, { size, constants });
  return { record: () => device.run(kernel, tensors, params, workgroups as [number], constants), tensors, expected };
}

/** @returns milliseconds */
async function runOnce(device: Device, program: Program): Promise<number> {
  const start = performance.now();
  await device.submit([program]);
  await device.gpu.queue.onSubmittedWorkDone();
  return performance.now() - start;
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

interface Judged {
  readonly error: number;
  readonly message?: string;
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

async function timed(device: Device, program: Program, count: number): Promise<Round[]> {
  const probe = await CeilingProbe.create(device);
  await probe.warmUp(device.facts.isCpu ? 50 : 300);
  const once = Math.max(1e-3, await time(device, program));
  const repeats = Math.max(1, Math.min(64, Math.floor(4 / once)));
  const rounds: Round[] = [];
  for (let round = 0; round < count; round++) {
    const ceilings = await probe.measure();
    rounds.push({ us: 1000 * (await time(device, program, repeats)), ...ceilings });
  }
  return rounds;
}
