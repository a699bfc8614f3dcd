// An op of one's own, measured from a script.
import { type AnyOp, type Device, sizeOf, type Tensor } from '@lockstep/tensor';
import { ConfigError } from '@lockstep/trainer';
import type { KernelRow, MeasuredRow } from './bench-file.ts';
import { CeilingProbe } from './ceilings.ts';
import { measureVariants } from './kernels/variants.ts';

/** At which shape an op is measured, how often, and what it must compute. */
export interface BenchKernelOptions {
  /** The shape of each input; all are f32. */
  readonly shape: readonly number[];
  /** How many inputs the op has; 1 unless given. */
  readonly inputs?: number;
  /** The definition of an element, in f64; the op's own `reference` unless given. */
  readonly reference?: (...values: number[]) => number;
  /** How often it is measured; 7 unless given. */
  readonly rounds?: number;
}

/** Times in microseconds; GB/s of inputs and output; their share of what the adapter copies. */
export type KernelFigures = Pick<
  MeasuredRow,
  'us' | 'usP20' | 'usP80' | 'gbps' | 'percent' | 'maxError' | 'compileMs' | 'fault'
>;

/**
 * Proves an elementwise op right at a shape, then times it beside the adapter's ceilings; `lockstep bench kernel` does more, in a process
 * of its own.
 * @throws {ConfigError} for an op that is wrong, or fails: then there is no time
 */
export async function benchKernel(device: Device, op: AnyOp, options: BenchKernelOptions): Promise<KernelFigures> {
  const {
    shape,
    inputs = 1,
    rounds = 7,
    reference = op.definition.reference as BenchKernelOptions['reference'],
  } = options;
  if (!reference)
    throw new ConfigError(
      `benchKernel: expected a reference for ${op.name}, got none\nhint: give defineOp or benchKernel one`,
    );
  const call = op as unknown as (...tensors: readonly Tensor[]) => Tensor;
  const from = {
    op: op.name,
    shape: shape.join('x'),
    inputs: Array.from({ length: inputs }, () => ({ shape })),
    flops: 0,
    bytes: 4 * sizeOf(shape) * (inputs + 1),
    run: (tensors: readonly Tensor[]) => call(...tensors),
    expected: (arrays: readonly Float64Array[], place: number) => {
      const value = reference(...arrays.map((array) => array[place]!));
      return { value, scale: Math.max(1e-3, Math.abs(value)) };
    },
  };
  const probe = await CeilingProbe.create(device);
  const variant = { from, family: 'generated', dtype: 'f32' } as const;
  const {
    value: [row],
  } = (await measureVariants(device, [variant], { probe, rounds, log: () => {} }).next()) as { value: KernelRow[] };
  probe.dispose();
  if (row!.status !== 'ok') throw new ConfigError(`benchKernel: expected ${op.name} to be right, got ${row!.message}`);
  const { us, usP20, usP80, gbps, percent, maxError, compileMs, fault } = row!;
  return { us, usP20, usP80, gbps, percent, maxError, compileMs, ...(fault && { fault }) };
}
