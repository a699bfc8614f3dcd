// How anything is measured: first proved, then timed round by round with all others and the adapter's ceilings in between, then proved again.
import { type Device, type Program, time } from '@lockstep/tensor';
import { type KernelRow, type MeasuredRow, type Round, type RowLabel, unmeasuredRow } from './bench-file.ts';
import type { CeilingProbe } from './ceilings.ts';
import { median, quantile } from './statistics.ts';

/** What is to be measured. */
export interface Candidate {
  readonly label: RowLabel;
  /** Makes what the kernels read. @throws {Error} whatever is wrong with it: it becomes a row */
  readonly prepare: (device: Device) => Promise<Prepared> | Prepared;
}

export interface Prepared {
  /** What a run computes at least. */
  readonly cost: Cost;
  readonly capture: () => Promise<Program>;
  /** Compares what the last run left with the definition. */
  readonly judge: () => Promise<Judged>;
  /** Gives the device its memory back. */
  readonly dispose: () => void;
}

export interface Cost {
  readonly flops: number;
  /** Read and written, each once. */
  readonly bytes: number;
}

export interface Judged {
  /** The largest, relative to what an element is made of. */
  readonly error: number;
  /** What is wrong. */
  readonly message?: string;
}

export interface MeasureOptions {
  readonly probe: CeilingProbe;
  readonly rounds: number;
  /** Hears how far it is. */
  readonly log: (line: string) => void;
}

/** Proved right, ready to be timed. */
interface Proved extends Pick<MeasuredRow, 'maxError' | 'compileMs' | 'wallUs'> {
  readonly candidate: Candidate;
  readonly prepared: Prepared;
  readonly program: Program;
  readonly repeats: number;
  readonly rounds: Round[];
}

/** Rows for all candidates, in their order, timed in turns. What does not compile, or is wrong, has a row without a time. */
export async function measure(
  device: Device,
  candidates: readonly Candidate[],
  { probe, rounds, log }: MeasureOptions,
): Promise<KernelRow[]> {
  const proved: (Proved | KernelRow)[] = [];
  for (const candidate of candidates) {
    const { op, shape, family } = candidate.label;
    log(`${op} ${shape} ${family}: proving`);
    proved.push(await prove(device, candidate));
  }
  const ready = proved.filter((one) => 'program' in one);
  await probe.warmAgain();
  for (let round = 0; round < rounds; round++)
    for (const { program, repeats, rounds: all } of ready) {
      const ceilings = await probe.measure();
      all.push({ us: 1000 * (await time(device, program, repeats)), ...ceilings });
    }
  const rows: KernelRow[] = [];
  for (const one of proved) rows.push('program' in one ? await finish(device, one) : one);
  return rows;
}

async function prove(device: Device, candidate: Candidate): Promise<Proved | KernelRow> {
  const { label } = candidate;
  try {
    const prepared = await candidate.prepare(device);
    const start = performance.now();
    const program = await prepared.capture();
    await runOnce(device, program);
    const compileMs = performance.now() - start;
    const { error: maxError, message } = await prepared.judge();
    if (message) {
      release({ program, prepared });
      return unmeasuredRow(label, 'wrong', message);
    }
    const wallUs = 1000 * (await runOnce(device, program));
    const repeats = await repeatsFor(device, program);
    return { candidate, prepared, program, repeats, rounds: [], maxError, compileMs, wallUs };
  } catch (error) {
    return unmeasuredRow(label, 'failed', (error as Error).message);
  }
}

/** @returns milliseconds from submit to done, as the host sees them */
async function runOnce(device: Device, program: Program): Promise<number> {
  const start = performance.now();
  await device.submit([program]);
  await device.gpu.queue.onSubmittedWorkDone();
  return performance.now() - start;
}

/** Enough runs that the clock's grain and a pass's own cost do not count. */
async function repeatsFor(device: Device, program: Program): Promise<number> {
  const once = Math.max(1e-3, await time(device, program));
  return Math.max(1, Math.min(64, Math.floor(4 / once)));
}

/** Proves once more, and makes a row of the rounds. */
async function finish(device: Device, one: Proved): Promise<KernelRow> {
  const { candidate, prepared, program, rounds, compileMs, wallUs } = one;
  await device.submit([program]);
  const { error, message } = await prepared.judge();
  release(one);
  if (message) return unmeasuredRow(candidate.label, 'wrong', `after timing, ${message}`);
  const maxError = Math.max(error, one.maxError);
  return {
    ...candidate.label,
    status: 'ok',
    ...figures(prepared.cost, rounds),
    rounds,
    maxError,
    compileMs,
    wallUs,
  };
}

function release({ program, prepared }: Pick<Proved, 'program' | 'prepared'>): void {
  program.dispose();
  prepared.dispose();
}

type Figures = Pick<MeasuredRow, 'us' | 'usP20' | 'usP80' | 'gflops' | 'gbps' | 'bound' | 'percent' | 'fault'>;

/** Above so much of a ceiling a measurement is wrong, and no record. Caches let copies of little data go faster. */
const mostPercent = 105;
const cacheBytes = 64 * 2 ** 20;

export function figures({ flops, bytes }: Cost, rounds: readonly Round[]): Figures {
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
