// By what programs are timed: the adapter's own clock where there is one that can be believed, else the host's; and how fine it is.
// Browsers round both (a GPU's to 65,536 ns, the host's to 5 µs, 100 µs or 1 ms), and drivers have been seen whose ticks were no
// nanoseconds: so nothing is taken on trust, and a coarse clock reads longer passes.
import { type Device, type Program, time } from '@lockstep/tensor';
import { multiplyAdds } from './multiply-adds.ts';
import { median } from './statistics.ts';

/** Whose clock it is, and the steps in which it goes. */
export interface Timer {
  readonly of: 'gpu' | 'host';
  /** Microseconds. */
  readonly grainUs: number;
}

/** Milliseconds that passes of so many runs take: the mean of a run. */
type Read = (program: Program, repeats: number) => Promise<number>;

/** A clock is coarse from here on. */
const fineUs = 1;
/** A pass is so many grains of a coarse clock at the least, and so many times what the host's clock counts beside the work. */
const leastGrains = 100;
const leastLatencies = 50;
/** What a pass takes at the least by any clock, so that its own cost does not count. */
const leastMs = 4;
/** The most runs of a pass, where only its own cost is at stake, and where the clock is. */
const mostRepeats = { fine: 64, coarse: 4096 };

/** Lanes of the work that a clock is looked at by: little for any adapter. */
const lanes = 2048;

export class Clock implements Timer {
  readonly of: Timer['of'];
  readonly grainUs: number;
  readonly #read: Read;
  readonly #leastMs: number;

  constructor({ of, grainUs }: Timer, read: Read, latencyMs = 0) {
    this.of = of;
    this.grainUs = grainUs;
    this.#read = read;
    const coarseMs = grainUs > fineUs ? (leastGrains * grainUs) / 1000 : 0;
    this.#leastMs = Math.max(leastMs, coarseMs, leastLatencies * latencyMs);
  }

  /** The best clock that there is for a device. @param readGpu another for tests */
  static async open(device: Device, readGpu: Read = (...pass) => time(device, ...pass)): Promise<Clock> {
    const work = await multiplyAdds(device, lanes);
    try {
      return (await gpuClock(device, work.program, readGpu)) ?? (await hostClock(device));
    } finally {
      work.dispose();
    }
  }

  get timer(): Timer {
    return { of: this.of, grainUs: this.grainUs };
  }

  /** Milliseconds of a program from one run to the next, as the mean over `repeats` runs in one pass. */
  async time(program: Program, repeats: number): Promise<number> {
    return this.#read(program, repeats);
  }

  /** Enough runs in a pass that neither the clock's grain nor the pass's own cost counts. */
  async repeatsFor(program: Program): Promise<number> {
    const most = this.#leastMs > leastMs ? mostRepeats.coarse : mostRepeats.fine;
    for (let repeats = 1; ; repeats *= 2) {
      const ms = repeats * (await this.#read(program, repeats));
      if (ms >= this.#leastMs || repeats >= most) return repeats;
    }
  }
}

/** Undefined where there is none, and where it cannot be believed. */
async function gpuClock(device: Device, program: Program, read: Read): Promise<Clock | undefined> {
  if (!device.gpu.features.has('timestamp-query')) return undefined;
  const times: number[] = [];
  for (let i = 0; i < 12; i++) {
    const repeats = 1 + (i % 3);
    times.push(1e6 * repeats * (await read(program, repeats)));
  }
  const grainNs = grainOf(times);
  if (grainNs === undefined || !(await agreesWithHost(read, program))) return undefined;
  return new Clock({ of: 'gpu', grainUs: grainNs / 1000 }, read);
}

/** The largest step of which all times are multiples; undefined where a clock does not go, or goes backwards. @param times nanoseconds */
export function grainOf(times: readonly number[]): number | undefined {
  const whole = times.map(Math.round);
  if (whole.some((one) => one < 0) || whole.every((one) => one === 0)) return undefined;
  return whole.reduce(commonDivisor);
}

const commonDivisor = (a: number, b: number): number => (b === 0 ? a : commonDivisor(b, a % b));

/** What the host waits for a pass is longer than the pass, but not by much where the pass is long. */
async function agreesWithHost(read: Read, program: Program): Promise<boolean> {
  const longMs = 30;
  for (let repeats = 1, tries = 0; tries < 3 && repeats <= mostRepeats.coarse;) {
    const start = performance.now();
    const gpuMs = repeats * (await read(program, repeats));
    const hostMs = performance.now() - start;
    if (hostMs < longMs) repeats *= 2;
    else if (gpuMs > hostMs / 3 && gpuMs < hostMs * 1.05) return true;
    else tries++;
  }
  return false;
}

async function hostClock(device: Device): Promise<Clock> {
  const waitFor = async (programs: readonly Program[]): Promise<number> => {
    const start = performance.now();
    await device.submit(programs);
    await device.gpu.queue.onSubmittedWorkDone();
    return performance.now() - start;
  };
  const latencies: number[] = [];
  for (let i = 0; i < 9; i++) latencies.push(await waitFor([]));
  const read: Read = async (one, repeats) => (await waitFor(Array.from({ length: repeats }, () => one))) / repeats;
  return new Clock({ of: 'host', grainUs: hostGrainUs() }, read, median(latencies));
}

/** Steps of the host's clock, seen as it goes. */
function hostGrainUs(): number {
  let least = Infinity;
  for (let step = 0, last = performance.now(); step < 20;) {
    const now = performance.now();
    if (now === last) continue;
    least = Math.min(least, now - last);
    last = now;
    step++;
  }
  return 1000 * least;
}
