// By what a step is bound: each kernel counts to the ceiling it is nearer to, less what a dispatch costs whatever it does; what is left of the
// step is the host's, or waiting.
import type { DispatchTime } from '@lockstep/tensor';
import { type StepBound, stepBounds, type StepKernel, type StepRoofline, type StepRow } from '../bench-file.ts';
import type { Ceilings } from '../ceilings.ts';
import { type Cost, nearestOf, ratesOf, sharesOf } from '../roofline.ts';

/** What is known of a step beside its row. */
export interface StepTimes extends Pick<StepRow, 'us' | 'hostUs' | 'readbackUs'> {
  readonly passUs: number;
  readonly dispatchUs: number;
  readonly ceilings: Ceilings;
}

/** @param dispatches each by itself */
export function stepRoofline(
  dispatches: readonly Omit<DispatchTime, 'kernel' | 'workgroups'>[],
  times: StepTimes,
): StepRoofline {
  const { us, hostUs, readbackUs, passUs, dispatchUs, ceilings } = times;
  const alone = { compute: 0, memory: 0, dispatch: 0 };
  const work = { flops: 0, bytes: 0 };
  for (const { ms, work: own } of dispatches) {
    const overhead = Math.min(1000 * ms, dispatchUs);
    const isCompute = nearestOf(sharesOf(own, 1000 * ms, ceilings), own.bytes).bound === 'fma';
    alone.dispatch += overhead;
    alone[isCompute ? 'compute' : 'memory'] += 1000 * ms - overhead;
    work[isCompute ? 'flops' : 'bytes'] += own[isCompute ? 'flops' : 'bytes'];
  }
  // One after the other kernels take longer than in one pass; a step lasts at least as long as its kernels.
  const busy = Math.min(us, passUs);
  const scale = busy / Math.max(1e-9, alone.compute + alone.memory + alone.dispatch);
  const [compute, memory, dispatch] = [scale * alone.compute, scale * alone.memory, scale * alone.dispatch];
  const host = Math.min(hostUs, us - busy);
  const parts = { compute, memory, dispatch, host, wait: us - busy - host + readbackUs };
  const bound = stepBounds.reduce((most, one) => (parts[one] > parts[most] ? one : most));
  const reached = { gflops: rate(work.flops, compute), gbps: rate(work.bytes, memory) };
  return { ceilings, passUs, dispatchUs, parts, bound, ...reached };
}

const rate = (amount: number, us: number): number => (us > 0 ? amount / us / 1e3 : 0);

/** Where a kernel of a step lies; undefined where nobody has counted what it does. */
export interface KernelPlace {
  readonly gflops: number;
  readonly gbps: number;
  /** Operations on a byte. */
  readonly intensity: number;
  readonly bound: 'copy' | 'fma';
  /** The share of the nearer ceiling. */
  readonly percent: number;
  readonly fault?: string | undefined;
}

export function placeOf({ count, us, flops = 0, bytes = 0 }: StepKernel, ceilings: Ceilings): KernelPlace | undefined {
  const cost: Cost = { flops, bytes };
  if (bytes === 0 || us === 0) return undefined;
  const nearest = nearestOf(sharesOf(cost, us, ceilings), bytes / Math.max(1, count));
  return { ...ratesOf(cost, us), intensity: flops / bytes, ...nearest };
}

const words: Record<StepBound, string> = {
  compute: 'computing',
  memory: 'memory',
  dispatch: 'dispatches',
  host: 'the host, which encodes and submits',
  wait: 'waiting and reading back',
};

/** Three digits that matter. */
export const figure = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toPrecision(3));

/** One sentence that says by what a step is bound, with its numbers. */
export function boundSentence(
  { parts, bound, gflops, gbps, ceilings, dispatchUs }: StepRoofline,
  dispatches: number,
): string {
  const total = stepBounds.reduce((sum, one) => sum + parts[one], 0);
  const share = (one: StepBound): string => `${((100 * parts[one]) / Math.max(1e-9, total)).toFixed(0)} %`;
  const detail: Record<StepBound, string> = {
    compute: ` at ${figure(gflops)} of ${figure(ceilings.fmaGflops)} GFLOP/s`,
    memory: ` at ${figure(gbps)} of ${figure(ceilings.copyGbps)} GB/s`,
    dispatch: `, ${dispatches} of ${figure(dispatchUs)} µs`,
    host: '',
    wait: '',
  };
  const others = stepBounds
    .filter((one) => one !== bound)
    .toSorted((a, b) => parts[b] - parts[a])
    .map((one) => `${words[one]} ${share(one)}${parts[one] > 0 ? detail[one] : ''}`);
  return `Bound by ${words[bound]}: ${share(bound)} of ${figure(total / 1000)} ms${detail[bound]}; ${others.join('; ')}.`;
}
