// Tokens per second and the time that is left, from what steps report.
import type { StepMetrics } from '@lockstep/trainer';

/** Steps that the current speed is averaged over. */
const recent = 10;

export class Throughput {
  #first: number | undefined;
  #tokens = 0;
  #ms = 0;
  readonly #latest: { tokens: number; ms: number }[] = [];

  add({ tokensPerSecond, stepMs }: StepMetrics): void {
    const tokens = (tokensPerSecond * stepMs) / 1000;
    this.#latest.push({ tokens, ms: stepMs });
    if (this.#latest.length > recent) this.#latest.shift();
    if (this.#first === undefined) {
      this.#first = tokensPerSecond;
      return;
    }
    this.#tokens += tokens;
    this.#ms += stepMs;
  }

  /** Over all steps but the first, which also prepares the device; over that one where it was the only one. */
  get overall(): number {
    return this.#ms > 0 ? (1000 * this.#tokens) / this.#ms : (this.#first ?? 0);
  }

  /** Over the last few steps. */
  get current(): number {
    const sum = this.#latest.reduce((total, { tokens, ms }) => ({ tokens: total.tokens + tokens, ms: total.ms + ms }), {
      tokens: 0,
      ms: 0,
    });
    return sum.ms > 0 ? (1000 * sum.tokens) / sum.ms : 0;
  }
}
