// The bench's own kernels as candidates: every case in every family of kernels that the adapter runs.
import {
  cast,
  type Device,
  type Families,
  sizeOf,
  subgroupFamilies,
  type Program,
  type Tensor,
} from '@lockstep/tensor';
import type { KernelRow, RowLabel } from '../bench-file.ts';
import { type Captured, type Judged, measure, type MeasureOptions, type Prepared } from '../measure.ts';
import { type Input, type KernelCase, type Started, timedFrom } from './case.ts';

/** A case in one family of kernels. */
export interface Variant {
  readonly from: KernelCase;
  readonly family: string;
  readonly dtype: 'f32' | 'f16';
}

/** Every family that an adapter can run, by the kind of kernel. */
export function familiesOf({ facts }: Device, kind: keyof Families): string[] {
  const shared = facts.subgroups ? subgroupFamilies(facts) : undefined;
  return ['portable', 'tiled', ...(shared && shared[kind] === 'subgroup' && kind !== 'rows' ? ['subgroup'] : [])];
}

/** Rows for all variants, in their order, and for each batch of them as soon as it is measured. */
export async function* measureVariants(
  device: Device,
  variants: readonly Variant[],
  { at = () => {}, ...options }: MeasureOptions,
): AsyncGenerator<KernelRow[]> {
  let before = 0;
  for (const batch of batches(variants)) {
    const first = before;
    before += batch.length;
    const candidates = batch.map((variant) => ({ label: labelOf(variant), prepare: () => prepare(device, variant) }));
    yield await measure(device, candidates, { ...options, at: (candidate) => at(first + candidate) });
  }
}

export const labelOf = ({ from, family, dtype }: Variant): RowLabel => ({
  op: from.op,
  shape: from.shape,
  dtype,
  family: from.family ? family : 'generated',
  constants: {},
});

/** Those that are interleaved: the families of a few cases, so that memory does not hold them all. */
function batches(variants: readonly Variant[]): Variant[][] {
  const all: Variant[][] = [];
  for (const variant of variants) {
    const last = all.at(-1);
    if (last && (last[0]!.from === variant.from || last.length < 6)) last.push(variant);
    else all.push([variant]);
  }
  return all;
}

async function prepare(device: Device, variant: Variant): Promise<Prepared> {
  const { from, dtype } = variant;
  const arrays = from.inputs.map((input, i) => random(input, i + 1, dtype));
  const inputs = await inputsOf(device, variant, arrays);
  const { run, made } = startedOf(device, from, inputs);
  let program: Program<Tensor>;
  return {
    cost: dtype === 'f16' ? { flops: from.flops, bytes: from.bytes / 2 } : from,
    capture: async () => captured((program = await inFamily(device, variant, () => device.capture(run)))),
    judge: () => errorOf(program.result, from, { arrays, dtype }),
    dispose: () => {
      for (const tensor of [...inputs, ...made]) tensor.dispose();
    },
  };
}

const startedOf = (device: Device, from: KernelCase, inputs: readonly Tensor[]): Started =>
  'start' in from ? from.start(inputs, device) : { run: () => from.run(inputs, device), made: [] };

/** What is timed of a recorded run: what comes after the mark, or all of it where there is none. */
export function captured(program: Program): Captured {
  const from = program.marks.get(timedFrom) ?? 0;
  return { program, timed: from === 0 ? program : program.slice(from, program.dispatches.length) };
}

async function inputsOf(
  device: Device,
  { from, dtype }: Variant,
  arrays: readonly Float64Array[],
): Promise<readonly Tensor[]> {
  const given = from.inputs.map((input, i) =>
    device.tensor(input.below === undefined ? new Float32Array(arrays[i]!) : new Uint32Array(arrays[i]!), input.shape),
  );
  if (dtype === 'f32') return given;
  const halves = given.map((one) => (one.dtype === 'f32' ? cast(one, 'f16') : one));
  await device.submit([]);
  for (const one of given) if (one.dtype === 'f32') one.dispose();
  return halves;
}

async function inFamily<T>(device: Device, { from, family }: Variant, work: () => Promise<T>): Promise<T> {
  const chosen = device.families;
  if (from.family) device.families = { ...chosen, [from.family]: family };
  try {
    return await work();
  } finally {
    device.families = chosen;
  }
}

/** A result of eleven bits is off by half of the last. */
const halfTolerance = 2 ** -10;

/** Places of the output that are compared: the ends, and some in between. */
const samples = 64;

/** The largest error, relative to what an element is made of; and what is wrong with the worst. */
async function errorOf(
  output: Tensor,
  { expected, tolerance = 1e-5 }: KernelCase,
  { arrays, dtype }: { readonly arrays: readonly Float64Array[]; readonly dtype: Variant['dtype'] },
): Promise<Judged> {
  const got = await output.read();
  const places = new Set(
    Array.from({ length: Math.min(samples, got.length) }, (_, i) =>
      Math.round((i * (got.length - 1)) / Math.max(1, Math.min(samples, got.length) - 1)),
    ),
  );
  let worst = { error: 0, message: '' };
  for (const place of places) {
    const { value, scale } = expected(arrays, place);
    const off = Math.abs(got[place]! - value) / Math.max(scale, 1e-30);
    const error = Number.isNaN(off) ? Infinity : off;
    if (error > worst.error) worst = { error, message: `element ${place} is ${got[place]} and not ${value}` };
  }
  return worst.error <= (dtype === 'f16' ? halfTolerance : tolerance) ? { error: worst.error } : worst;
}

/**
 * The same in every process: what is measured does not depend on chance, and no result is known beforehand. For f16 multiples of 2⁻¹⁰,
 * which it holds.
 */
function random({ shape, below }: Input, seed: number, dtype: Variant['dtype']): Float64Array {
  let state = seed * 0x9e3779b9;
  return Float64Array.from({ length: sizeOf(shape) }, () => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0;
    const word = (state ^ (state >>> 13)) >>> 0;
    if (below !== undefined) return word % below;
    return dtype === 'f16' ? Math.round(word / 2 ** 21 - 2 ** 10) / 2 ** 10 : Math.fround(word / 2 ** 31 - 1);
  });
}
