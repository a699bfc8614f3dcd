/** Numbers and words of the whole-step benchmark: statistics of a run, the machine, and the table. */
import { availableParallelism, cpus, loadavg } from 'node:os';
import type { PeerName } from './peers/peer.ts';
import type { SizeName, StepConfig } from './problem.ts';
import type { Pump } from './run-peer.ts';

export interface Machine {
  cpu: string;
  cores: number;
  node: string;
  /** The system's load average over the last minute, before anything was run: above about 0.3 the times are noise. */
  load: number;
}

export interface Timing {
  size: SizeName;
  peer: PeerName;
  pump: Pump;
  steps: number;
  medianMs: number;
  minMs: number;
  maxMs: number;
  tokensPerSecond: number;
}

export function machine(): Machine {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    node: process.version,
    load: loadavg()[0]!,
  };
}

/** @param intervals milliseconds per step; at least one. */
export function timing(
  run: Pick<Timing, 'size' | 'peer' | 'pump'>,
  { batch, context }: StepConfig,
  intervals: number[],
): Timing {
  const medianMs = median(intervals);
  const tokensPerSecond = (batch * context * 1000) / medianMs;
  const [minMs, maxMs] = [Math.min(...intervals), Math.max(...intervals)];
  return { ...run, steps: intervals.length, medianMs, minMs, maxMs, tokensPerSecond };
}

/** Of at least one number. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2;
}

/** For each mode of the pump: Lockstep's tokens/s over those of the fastest other; null where either is missing. */
export function ratios(timings: Timing[], pumps: Pump[]): (number | null)[] {
  return pumps.map((pump) => {
    const column = timings.filter((t) => t.pump === pump);
    const ours = column.find(({ peer }) => peer === 'lockstep');
    const others = column.filter(({ peer }) => peer !== 'lockstep').map((t) => t.tokensPerSecond);
    return ours && others.length > 0 ? ours.tokensPerSecond / Math.max(...others) : null;
  });
}

/** A Markdown table: a row per peer, three columns per mode of the pump, and the ratio. */
export function table(timings: Timing[], pumps: Pump[]): string {
  const rows = [
    ['', ...pumps.flatMap((pump) => [`${pump}: ms per step`, 'min – max', 'tokens/s'])],
    ...[...new Set(timings.map(({ peer }) => peer))].map((peer) => [
      peer,
      ...pumps.flatMap((pump) => cells(timings.find((t) => t.peer === peer && t.pump === pump))),
    ]),
  ];
  const gains = ratios(timings, pumps);
  if (gains.some(Boolean))
    rows.push(['Lockstep / fastest peer', ...gains.flatMap((gain) => ['', '', gain ? `${gain.toFixed(2)}×` : '–'])]);
  return layOut(rows);
}

function cells(t: Timing | undefined): string[] {
  if (!t) return ['–', '–', '–'];
  const whole = (x: number) => Math.round(x).toLocaleString('en');
  return [whole(t.medianMs), `${whole(t.minMs)} – ${whole(t.maxMs)}`, whole(t.tokensPerSecond)];
}

/** Markdown of cells, the first row being the head. */
export function layOut(rows: string[][]): string {
  const widths = rows[0]!.map((_, i) => Math.max(3, ...rows.map((row) => row[i]!.length)));
  const line = (row: string[]) =>
    `| ${row.map((s, i) => (i ? s.padStart(widths[i]!) : s.padEnd(widths[i]!))).join(' | ')} |`;
  const rule = `|${widths.map((w, i) => (i ? `${'-'.repeat(w + 1)}:` : '-'.repeat(w + 2))).join('|')}|`;
  return [line(rows[0]!), rule, ...rows.slice(1).map(line)].join('\n');
}
