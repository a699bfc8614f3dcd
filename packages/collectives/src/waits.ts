// The pending waits of one group. Each has a deadline, and the first that fails ends all the others: a collective of
// which one rank is gone cannot finish anywhere.

import { TimeoutError } from '@lockstep/errors';

export class Waits {
  readonly #timeoutMs: number;
  readonly #onFail: (error: Error) => void;
  readonly #pending = new Set<(error: Error) => void>();
  #failure: Error | undefined;

  /** `onFail` is called once, with the first failure. */
  constructor(timeoutMs: number, onFail: (error: Error) => void = () => {}) {
    this.#timeoutMs = timeoutMs;
    this.#onFail = onFail;
  }

  /** Settles as `work` does, but no later than the deadline or the failure of another wait. `what` names it in errors. */
  until<T>(work: Promise<T>, what: () => string): Promise<T> {
    const late = (): void =>
      this.fail(new TimeoutError(`${what()}: expected an end within ${this.#timeoutMs} ms, got none`));
    const timer = setTimeout(late, this.#timeoutMs);
    return this.together(work, () => clearTimeout(timer));
  }

  /** Settles as `work` does, which has deadlines of its own, but no later than the failure of another wait. */
  together<T>(work: Promise<T>, settled: () => void = () => {}): Promise<T> {
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        settled();
        this.#pending.delete(stop);
      };
      const stop = (error: Error): void => {
        settle();
        reject(error);
      };
      this.#pending.add(stop);
      work.then(
        (value) => {
          settle();
          resolve(value);
        },
        (error: Error) => this.fail(error),
      );
      if (this.#failure) stop(this.#failure);
    });
  }

  /** Rejects every pending and later wait with `error`; the first failure stays the reason. */
  fail(error: Error): void {
    const isFirst = this.#failure === undefined;
    this.#failure ??= error;
    for (const stop of this.#pending) stop(this.#failure);
    if (isFirst) this.#onFail(error);
  }

  get failure(): Error | undefined {
    return this.#failure;
  }
}
