// How anything is measured: first proved, then timed round by round with all others and the adapter's ceilings in between, then proved again.
import type { Device, Program } from '@lockstep/tensor';
import { type KernelRow, type MeasuredRow, type Round, type RowLabel, unmeasuredRow } from './bench-file.ts';
import type { CeilingProbe } from './ceilings.ts';
import type { OtherProcesses } from './other-processes.ts';
import { type Cost, nearestOf, ratesOf, sharesOf } from './roofline.ts';
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
  /** Records a run, and what is to be timed of it. */
  readonly capture: () => Promise<Captured>;
  /** Compares what the last run left with the definition. */
  readonly judge: () => Promise<Judged>;
  /** Gives the device its memory back. */
  readonly dispose: () => void;
}

/** A run, and the part of it that is timed. */
export interface Captured {
  readonly program: Program;
  readonly timed: Program;
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
  /** Counts what other processes take meanwhile, where that can be known. */
  readonly others?: () => OtherProcesses;
  /** Hears, by its place, which candidate is at work from now on. */
  readonly at?: (candidate: number) => void;
}

/** Proved right, ready to be timed. */
interface Proved extends Captured, Pick<MeasuredRow, 'maxError' | 'compileMs' | 'wallUs'> {
  readonly candidate: Candidate;
  readonly prepared: Prepared;
  readonly repeats: number;
  readonly rounds: Round[];
  readonly others: OtherProcesses | undefined;
}

/**
 * Rows for all candidates, in their order, timed in turns. What does not compile, or is wrong, has a row without a time. Rejects where
 * the device is gone.
 */
export async function measure(
  device: Device,
  candidates: readonly Candidate[],
  options: MeasureOptions,
): Promise<KernelRow[]> {
  const { probe, rounds, log, at = () => {} } = options;
  const proved: (Proved | KernelRow)[] = [];
  for (const [i, candidate] of candidates.entries()) {
    const { op, shape, dtype, family } = candidate.label;
    at(i);
    log(`${op} ${shape} ${dtype} ${family}: proving`);
    proved.push(await prove(device, candidate, options));
  }
  await probe.warmAgain();
  for (let round = 0; round < rounds; round++)
    for (const [i, one] of proved.entries()) {
      if (!('program' in one)) continue;
      at(i);
      one.rounds.push(await timeRound(one, probe));
    }
  const rows: KernelRow[] = [];
  for (const one of proved) rows.push('program' in one ? await finish(device, one) : one);
  return rows;
}

function timeRound({ timed, repeats, others }: Proved, probe: CeilingProbe): Promise<Round> {
  const round = async (): Promise<Round> => {
    const ceilings = await probe.measure();
    return { us: 1000 * (await probe.clock.time(timed, repeats)), ...ceilings };
  };
  return others ? others.during(round) : round();
}

async function prove(
  device: Device,
  candidate: Candidate,
  { probe, others }: MeasureOptions,
): Promise<Proved | KernelRow> {
  const { label } = candidate;
  try {
    const prepared = await candidate.prepare(device);
    const start = performance.now();
    const { program, timed } = await prepared.capture();
    await runOnce(device, program);
    const compileMs = performance.now() - start;
    const { error: maxError, message } = await prepared.judge();
    if (message) {
      release({ program, prepared });
      return unmeasuredRow(label, 'wrong', message);
    }
    const wallUs = 1000 * (await runOnce(device, timed));
    const repeats = await probe.clock.repeatsFor(timed);
    return {
      candidate,
      prepared,
      program,
      timed,
      repeats,
      rounds: [],
      others: others?.(),
      maxError,
      compileMs,
      wallUs,
    };
  } catch (error) {
    // What a kernel is told of may be the end of the device, of which it need not be the cause: then nobody goes on.
    await probe.measure().catch(() => {
      throw error;
    });
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

/** Proves once more, and makes a row of the rounds. */
async function finish(device: Device, one: Proved): Promise<KernelRow> {
  const { candidate, prepared, program, rounds, compileMs, wallUs } = one;
  await device.submit([program]);
  const { error, message } = await prepared.judge();
  release(one);
  if (message) return unmeasuredRow(candidate.label, 'wrong', `after timing, ${message}`);
  const maxError = Math.max(error, one.maxError);
  const others = device.facts.isCpu ? one.others?.share : undefined;
  return {
    ...candidate.label,
    status: 'ok',
    ...figures(prepared.cost, rounds),
    rounds,
    ...(others !== undefined && { others }),
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

export function figures({ flops, bytes }: Cost, rounds: readonly Round[]): Figures {
  const times = rounds.map((round) => round.us);
  const us = median(times);
  const shares = rounds.map((round) => sharesOf({ flops, bytes }, round.us, round));
  const own = { fma: median(shares.map(({ fma }) => fma)), copy: median(shares.map(({ copy }) => copy)) };
  const spread = { us, usP20: quantile(times, 0.2), usP80: quantile(times, 0.8) };
  return { ...spread, ...ratesOf({ flops, bytes }, us), ...nearestOf(own, bytes) };
}
