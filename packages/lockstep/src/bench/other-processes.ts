// What other processes take of the machine's processors while something is measured: where a CPU does an adapter's work, they take it from
// what is measured, and not from all of it alike.
import { cpus } from 'node:os';

/** Milliseconds of all cores together, since the machine and this process began. */
export interface Times {
  readonly busy: number;
  readonly whole: number;
  /** The time that all threads of this process have taken. */
  readonly own: number;
}

function timesNow(): Times {
  const { user, system } = process.cpuUsage();
  const cores = cpus().map(({ times }) => times);
  const of = (name: 'user' | 'nice' | 'sys' | 'irq' | 'idle'): number => cores.reduce((sum, one) => sum + one[name], 0);
  const busy = of('user') + of('nice') + of('sys') + of('irq');
  return { busy, whole: busy + of('idle'), own: (user + system) / 1000 };
}

/** Adds up what others took in some stretches of time. */
export class OtherProcesses {
  readonly #now: () => Times;
  #others = 0;
  #whole = 0;

  constructor(now: () => Times = timesNow) {
    this.#now = now;
  }

  /** Counts while `work` lasts. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    const from = this.#now();
    const result = await work();
    const to = this.#now();
    this.#others += to.busy - from.busy - (to.own - from.own);
    this.#whole += to.whole - from.whole;
    return result;
  }

  /** The share of all cores' time, 0 to 1. */
  get share(): number {
    return this.#whole > 0 ? Math.min(1, Math.max(0, this.#others / this.#whole)) : 0;
  }
}
