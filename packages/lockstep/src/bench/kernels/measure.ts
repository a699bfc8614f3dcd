// How a kernel is measured: first proved, then timed round by round with all others and the adapter's ceilings in between, then proved again.
import { type Device, type Families, type Program, subgroupFamilies, type Tensor, time } from '@lockstep/tensor';
import type { KernelRow, MeasuredRow, Round } from '../bench-file.ts';
import type { CeilingProbe } from '../ceilings.ts';
import { median, quantile } from '../statistics.ts';
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

/** A variant that is right, ready to be timed. */
interface Proved {
  readonly variant: Variant;
  readonly program: Program<Tensor>;
  readonly inputs: readonly Tensor[];
  readonly arrays: readonly Float64Array[];
  readonly compileMs: number;
  readonly wallUs: number;
  readonly repeats: number;
  readonly rounds: Round[];
  maxError: number;
}

export interface MeasureOptions {
  readonly rounds: number;
  /** Hears how far it is. */
  readonly log: (line: string) => void;
}

/** Rows for all variants, in their order. What does not compile, or is wrong, has a row without a time. */
export async function measureVariants(
  device: Device,
  variants: readonly Variant[],
  { probe, rounds, log }: MeasureOptions & { readonly probe: CeilingProbe },
): Promise<KernelRow[]> {
  const rows = new Map<Variant, KernelRow>();
  for (const batch of batches(variants)) {
    const ready: Proved[] = [];
    for (const variant of batch) {
      log(`${titleOf(variant)}: proving`);
      const outcome = await prove(device, variant).catch((error: Error) => failed(variant, 'failed', error.message));
      if ('program' in outcome) ready.push(outcome);
      else rows.set(variant, outcome);
    }
    // While inputs were made and results compared, clocks may have fallen.
    await probe.warmUp(device.facts.isCpu ? 0 : 200);
    for (let round = 0; round < rounds; round++)
      for (const one of ready) {
        const ceilings = await probe.measure();
        one.rounds.push({ us: 1000 * (await time(device, one.program, one.repeats)), ...ceilings });
      }
    for (const one of ready) rows.set(one.variant, await finish(device, one));
  }
  return variants.map((variant) => rows.get(variant)!);
}

const titleOf = ({ from, family }: Variant): string => `${from.op} ${from.shape} ${family}`;

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

/** Runs a variant and compares it with its definition. */
async function prove(device: Device, variant: Variant): Promise<Proved | KernelRow> {
  const { from, family } = variant;
  const arrays = from.inputs.map((input, i) => random(input, i + 1));
  const inputs = from.inputs.map((input, i) =>
    device.tensor(input.below === undefined ? new Float32Array(arrays[i]!) : new Uint32Array(arrays[i]!), input.shape),
  );
  const start = performance.now();
  const program = await inFamily(device, variant, () => device.capture(() => from.run(inputs)));
  await device.submit([program]);
  await device.gpu.queue.onSubmittedWorkDone();
  const compileMs = performance.now() - start;
  const { error, message } = await errorOf(program.result, from, arrays);
  if (message) {
    program.dispose();
    for (const tensor of inputs) tensor.dispose();
    return failed(variant, 'wrong', `${family}: ${message}`);
  }
  const again = performance.now();
  await device.submit([program]);
  await device.gpu.queue.onSubmittedWorkDone();
  const wallUs = 1000 * (performance.now() - again);
  // Enough runs that the clock's grain and a pass's own cost do not count.
  const once = Math.max(1e-3, await time(device, program));
  const repeats = Math.max(1, Math.min(64, Math.floor(4 / once)));
  return { variant, program, inputs, arrays, compileMs, wallUs, repeats, rounds: [], maxError: error };
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
): Promise<{ error: number; message?: string }> {
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

function failed({ from, family }: Variant, status: 'wrong' | 'failed', message: string): KernelRow {
  return { ...labels({ from, family }), status, message: message.slice(0, 5000) };
}

const labels = ({ from, family }: Variant) => ({
  op: from.op,
  shape: from.shape,
  dtype: 'f32',
  family: from.family ? family : 'generated',
  constants: {},
});

/** Proves once more, and makes a row of the rounds. */
async function finish(device: Device, one: Proved): Promise<KernelRow> {
  const { variant, program, inputs, arrays, rounds, compileMs, wallUs } = one;
  await device.submit([program]);
  const { error, message } = await errorOf(program.result, variant.from, arrays);
  program.dispose();
  for (const tensor of inputs) tensor.dispose();
  if (message) return failed(variant, 'wrong', `after timing, ${message}`);
  const maxError = Math.max(error, one.maxError);
  return { ...labels(variant), status: 'ok', ...figures(variant.from, rounds), rounds, maxError, compileMs, wallUs };
}

type Figures = Pick<MeasuredRow, 'us' | 'usP20' | 'usP80' | 'gflops' | 'gbps' | 'bound' | 'percent' | 'fault'>;

/** Above so much of a ceiling a measurement is wrong, and no record. Caches let copies of little data go faster. */
const mostPercent = 105;
const cacheBytes = 64 * 2 ** 20;

export function figures({ flops, bytes }: Pick<KernelCase, 'flops' | 'bytes'>, rounds: readonly Round[]): Figures {
  const times = rounds.map((round) => round.us);
  const us = median(times);
  const [gflops, gbps] = [flops / us / 1e3, bytes / us / 1e3];
  const ofCeilings = {
    fma: median(rounds.map((round) => (100 * flops) / round.us / 1e3 / round.fmaGflops)),
    copy: median(rounds.map((round) => (100 * bytes) / round.us / 1e3 / round.copyGbps)),
  };
  const bound = ofCeilings.fma > ofCeilings.copy ? 'fma' : 'copy';
  const isAbove = ofCeilings.fma > mostPercent || (ofCeilings.copy > mostPercent && bytes > cacheBytes);
  const fault = isAbove ? `above the adapter's ceiling: a fault of the measurement` : undefined;
  const figures = { us, usP20: quantile(times, 0.2), usP80: quantile(times, 0.8), gflops, gbps, bound } as const;
  return { ...figures, percent: ofCeilings[bound], ...(fault && { fault }) };
}

/** The same in every process: what is measured does not depend on chance, and no result is known beforehand. */
function random({ shape, below }: Input, seed: number): Float64Array {
  let state = seed * 0x9e3779b9;
  const size = shape.reduce((all, one) => all * one, 1);
  return Float64Array.from({ length: size }, () => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0;
    const word = (state ^ (state >>> 13)) >>> 0;
    return below === undefined ? Math.fround(word / 2 ** 31 - 1) : word % below;
  });
}
