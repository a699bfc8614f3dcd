// Early stopping: a run ends when its validations have long been no better than the best of them. All workers see the same validations,
// so all end after the same step; what has been seen belongs to the state, so a resumed run ends there, too.
//
// Prechelt, Early Stopping - But When? (1998), criterion UP.
import { ConfigError } from '@lockstep/nn';
import type { ValidationPlan } from './run/run.ts';
import type { BestValidation } from './state.ts';
import type { Evaluation } from './step.ts';

export class Patience {
  readonly #plan: ValidationPlan;
  #best: BestValidation | undefined;

  /**
   * @param metrics names of what the loss gives beside itself.
   * @throws {ConfigError} where what is judged is none of them.
   */
  constructor(
    plan: ValidationPlan,
    { metrics, best }: { metrics: readonly string[]; best?: BestValidation | undefined },
  ) {
    this.#plan = plan;
    this.#best = best;
    const names = ['loss', ...metrics];
    if (names.includes(this.#name)) return;
    const which = plan.highest === undefined ? 'lowest' : 'highest';
    throw new ConfigError(`validation.${which}: expected one of ${names.join(', ')}, got ${this.#name}`);
  }

  /** What the state keeps. */
  get best(): BestValidation | undefined {
    return this.#best;
  }

  /** Takes a validation in. Says why where it was one too many. */
  after(step: number, found: Evaluation): string | undefined {
    const { patience } = this.#plan;
    if (patience === 0) return undefined;
    const value = this.#judged(found);
    const isBetter = this.#best === undefined || this.#isBetter(value, this.#best.value);
    this.#best = isBetter ? { value, step, since: 0 } : { ...this.#best!, since: this.#best!.since + 1 };
    if (this.#best.since < patience) return undefined;
    const { value: best, step: at } = this.#best;
    return `validation ${this.#name} has been no better for ${patience} validations than the ${Number(best.toPrecision(4))} after step ${at}`;
  }

  get #name(): string {
    return this.#plan.highest ?? this.#plan.lowest ?? 'loss';
  }

  #isBetter(value: number, best: number): boolean {
    return this.#plan.highest === undefined ? value < best : value > best;
  }

  #judged({ loss, metrics }: Evaluation): number {
    return this.#name === 'loss' ? loss : metrics[this.#name]!;
  }
}
