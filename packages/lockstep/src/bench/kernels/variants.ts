// The bench's own kernels as candidates: every case in every family of kernels that the adapter runs.
import { type Device, type Families, sizeOf, subgroupFamilies, type Program, type Tensor } from '@lockstep/tensor';
import type { KernelRow, RowLabel } from '../bench-file.ts';
import { type Judged, measure, type MeasureOptions, type Prepared } from '../measure.ts';
import type { Input, KernelCase } from './case.ts';

/** A case in one family of kernels. */
export interface Variant {
  readonly from: KernelCase;
  readonly family: string;
}

/** Every family that an adapter can run, by the kind of kernel. */
export function familiesOf({ facts }: Device, kind: keyof Families): string[] {
  const shared = facts.subgroups ? subgroupFamilies(facts) : undefined;
  return ['portable', 'tiled', ...(shared && shared[kind] === 'subgroup' && kind !== 'rows' ? ['subgroup'] : [])];
}

/** Rows for all variants, in their order. */
export async function measureVariants(
  device: Device,
  variants: readonly Variant[],
  options: MeasureOptions,
): Promise<KernelRow[]> {
  const rows: KernelRow[] = [];
  for (const batch of batches(variants)) {
    const candidates = batch.map((variant) => ({ label: labelOf(variant), prepare: () => prepare(device, variant) }));
    rows.push(...(await measure(device, candidates, options)));
  }
  return rows;
}

const labelOf = ({ from, family }: Variant): RowLabel => ({
  op: from.op,
  shape: from.shape,
  dtype: 'f32',
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

function prepare(device: Device, variant: Variant): Prepared {
  const { from } = variant;
  const arrays = from.inputs.map((input, i) => random(input, i + 1));
  const inputs = from.inputs.map((input, i) =>
    device.tensor(input.below === undefined ? new Float32Array(arrays[i]!) : new Uint32Array(arrays[i]!), input.shape),
  );
  let program: Program<Tensor>;
  return {
    cost: from,
    capture: async () => (program = await inFamily(device, variant, () => device.capture(() => from.run(inputs)))),
    judge: () => errorOf(program.result, from, arrays),
    dispose: () => {
      for (const tensor of inputs) tensor.dispose();
    },
  };
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

/** Places of the output that are compared: the ends, and some in between. */
const samples = 64;

/** The largest error, relative to what an element is made of; and what is wrong with the worst. */
async function errorOf(
  output: Tensor,
  { expected, tolerance = 1e-5 }: KernelCase,
  arrays: readonly Float64Array[],
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
  return worst.error <= tolerance ? { error: worst.error } : worst;
}

/** The same in every process: what is measured does not depend on chance, and no result is known beforehand. */
function random({ shape, below }: Input, seed: number): Float64Array {
  let state = seed * 0x9e3779b9;
  return Float64Array.from({ length: sizeOf(shape) }, () => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0;
    const word = (state ^ (state >>> 13)) >>> 0;
    return below === undefined ? Math.fround(word / 2 ** 31 - 1) : word % below;
  });
}
