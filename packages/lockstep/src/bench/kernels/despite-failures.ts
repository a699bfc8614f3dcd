// Measures kernels apart from whoever asks: what never ends is stopped at its deadline, what ends its process or loses its device is noted,
// and the rest goes on in another.
import { DeviceError } from '@lockstep/tensor';
import { type KernelRow, unmeasuredRow } from '../bench-file.ts';
import type { KernelsOrder, Progress, WantedRow } from './kernels-order.ts';

/** Something that measures and can be stopped: a process, or a page's worker. */
export interface Measurer {
  /** Resolves with how it ended. */
  readonly ended: Promise<string>;
  readonly stop: () => void;
}

export interface DespiteOptions {
  /** Starts a measurer. */
  readonly start: (order: KernelsOrder, hear: (progress: Progress) => void) => Measurer;
  /** Seconds that the proving of a kernel, or one round of it, may take. */
  readonly deadline: number;
  /** Hears rows as they come, which need not be their order. */
  readonly hear?: (rows: readonly KernelRow[]) => void;
  /** Ends it all. */
  readonly signal?: AbortSignal;
}

/** Rows for all that is wanted, in its order; those that are there when it is ended. @throws {DeviceError} where no measurer begins */
export async function measureDespiteFailures(
  { wanted, rounds }: KernelsOrder,
  { start, deadline, hear = () => {}, signal = new AbortController().signal }: DespiteOptions,
): Promise<KernelRow[]> {
  const rows = new Map<WantedRow, KernelRow>();
  for (let left = wanted; left.length > 0; left = wanted.filter((one) => !rows.has(one))) {
    const options = { start, deadline, hear, signal };
    const { rows: done, at, reason } = await oneMeasurer({ wanted: left, rounds }, options);
    done.forEach((row, i) => rows.set(left[i]!, row));
    if (signal.aborted) break;
    if (at === undefined)
      throw new DeviceError(`bench kernels: expected one that measures, got one that ended before it began: ${reason}`);
    // Those before it in its batch were not at fault: another measurer has them.
    if (done.length < left.length) {
      const faulty = left[Math.max(at, done.length)]!;
      const row = rowOfFailure(faulty, reason, deadline);
      rows.set(faulty, row);
      hear([row]);
    }
  }
  return wanted.flatMap((one) => rows.get(one) ?? []);
}

function rowOfFailure(wanted: WantedRow, reason: string, deadline: number): KernelRow {
  const label = { ...wanted, constants: {} };
  return reason === late
    ? unmeasuredRow(label, 'timeout', `did not end within ${deadline} s, and was stopped with all that measured it`)
    : unmeasuredRow(label, 'failed', `ended what measured it: ${reason}`);
}

const late = 'late';

interface Ended {
  readonly rows: readonly KernelRow[];
  /** What was at work last; undefined where nothing ever was. */
  readonly at: number | undefined;
  /** How it ended. */
  readonly reason: string;
}

async function oneMeasurer(
  order: KernelsOrder,
  { start, deadline, hear, signal }: Required<DespiteOptions>,
): Promise<Ended> {
  const rows: KernelRow[] = [];
  let at: number | undefined;
  let isLate = false;
  const measurer = start(order, (progress) => {
    watch.touch();
    if ('at' in progress) at = progress.at;
    else {
      rows.push(...progress.rows);
      hear(progress.rows);
    }
  });
  const watch = watchdog(deadline, () => {
    isLate = true;
    measurer.stop();
  });
  signal.addEventListener('abort', measurer.stop);
  const reason = await measurer.ended;
  signal.removeEventListener('abort', measurer.stop);
  watch.end();
  return { rows, at, reason: isLate ? late : reason };
}

/** What may be taken to open a device. */
const secondsToBegin = 60;

/** Acts when nothing has been heard for so many seconds. */
function watchdog(deadline: number, act: () => void): { touch: () => void; end: () => void } {
  let timer = setTimeout(act, 1000 * Math.max(deadline, secondsToBegin));
  return {
    touch: () => {
      clearTimeout(timer);
      timer = setTimeout(act, 1000 * deadline);
    },
    end: () => clearTimeout(timer),
  };
}
