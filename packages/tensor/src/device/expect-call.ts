// Whether a dispatch fits the kernel that it calls: told in one line where it is asked for, before a driver sees it.
import type { AnyKernel } from '@lockstep/kernels';
import { DeviceError } from '@lockstep/errors';
import { Tensor } from '../tensor.ts';
import type { Limits } from './dispatcher.ts';

export interface Call {
  readonly tensors: Readonly<Record<string, unknown>>;
  readonly params: Readonly<Record<string, number>>;
  readonly workgroups: readonly number[];
  readonly constants: Readonly<Record<string, number>>;
}

/** @throws {DeviceError} for bindings, parameters, constants or workgroups that are not the kernel's. */
export function expectCall(kernel: AnyKernel, { tensors, params, workgroups, constants }: Call, limits: Limits): void {
  const { name, bindings } = kernel;
  expectNames(name, 'binding', bindings, tensors);
  expectNames(name, 'parameter', kernel.params, params);
  const unknown = Object.keys(constants).find((constant) => !(constant in kernel.constants));
  if (unknown !== undefined)
    throw new DeviceError(`${name}: expected overrides ${listed(Object.keys(kernel.constants))}, got ${unknown}`);
  for (const { name: binding, type } of bindings) expectElements(name, { binding, type, bound: tensors[binding] });
  const most = limits.maxComputeWorkgroupsPerDimension;
  if (!workgroups.every((count) => Number.isInteger(count) && count >= 0 && count <= most))
    throw new DeviceError(
      `${name}: expected workgroups up to ${most} in each dimension, got ${workgroups.join(' × ')}\nhint: \`device.grid(count)\` folds a larger number`,
    );
}

function expectNames(
  kernel: string,
  what: string,
  expected: readonly { readonly name: string }[],
  got: Readonly<Record<string, unknown>>,
): void {
  const names = expected.map(({ name }) => name);
  const missing = names.find((name) => got[name] === undefined);
  const unknown = Object.keys(got).find((name) => !names.includes(name));
  if (missing !== undefined || unknown !== undefined)
    throw new DeviceError(`${kernel}: expected ${what}s ${listed(names)}, got ${listed(Object.keys(got))}`);
}

const listed = (names: readonly string[]): string => (names.length === 0 ? 'none' : names.join(', '));

/** A binding sees elements of the tensor's type: `array<f32>`, or vectors of it. */
function expectElements(
  kernel: string,
  { binding, type, bound }: { binding: string; type: string; bound: unknown },
): void {
  if (!(bound instanceof Tensor)) return;
  const scalar = /^array<(?:vec[234]<?|atomic<)?(f32|f16|i32|u32|f|h|i|u)\b/.exec(type)?.[1];
  const element = scalar && ({ f: 'f32', h: 'f16', i: 'i32', u: 'u32' }[scalar] ?? scalar);
  if (element !== undefined && element !== bound.dtype)
    throw new DeviceError(`${kernel}: expected ${binding} of ${element}, as its ${type} says, got ${String(bound)}`);
}
