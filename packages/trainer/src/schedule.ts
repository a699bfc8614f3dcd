// Learning rates over a run: pure functions of the step. The optimizer multiplies; here is only the number.
import { type Defined, defined, type Definition, definitionOf, real, settings, settingsOf, whole } from '@lockstep/nn';
import type * as z from 'zod';

export interface ScheduleDefinition<Settings extends object = object> extends Definition<Settings> {
  readonly role: 'schedule';
  /**
   * The learning rate of one update. The same in every engine: of +, −, ×, ÷ and √, since others are rounded differently.
   * @param step the update's number, from 0 to `steps` − 1. @param steps how many updates the whole run has.
   */
  rate(settings: Settings, step: number, steps: number): number;
}

/** A schedule with its settings, frozen and plain as JSON, as a run holds it. */
export type Schedule<Settings extends object = object> = Defined<Settings>;

/** Makes a schedule's settings, checked, of what may be left out. */
export type ScheduleFactory<Options extends object, Settings extends object> = (
  ...options: Record<never, never> extends Options ? [options?: Options] : [options: Options]
) => Schedule<Settings>;

/**
 * Defines a schedule. What it returns is called with settings:
 *
 * ```ts
 * const inverseRoot = defineSchedule({
 *   name: 'inverseRoot',
 *   settings: z.object({ peak: z.number(), warmupSteps: z.int().default(100) }),
 *   rate: ({ peak, warmupSteps: w }, step) => peak * Math.min((step + 1) / w, Math.sqrt(w / (step + 1))),
 * });
 * ```
 */
export function defineSchedule<Schema extends z.ZodObject>(
  definition: Omit<ScheduleDefinition<z.output<Schema>>, 'role' | 'settings'> & { readonly settings: Schema },
): ScheduleFactory<z.input<Schema>, z.output<Schema>>;
export function defineSchedule<Options extends object, Settings extends object = Options>(
  definition: Omit<ScheduleDefinition<Settings>, 'role'>,
): ScheduleFactory<Options, Settings>;
export function defineSchedule(definition: Omit<ScheduleDefinition, 'role'>): ScheduleFactory<object, object> {
  const whole: ScheduleDefinition = { ...definition, role: 'schedule' };
  return (options?: object) => defined(whole, options ?? {});
}

/** The learning rate of one update. @param step the update's number, from 0 to `steps` − 1. @param steps how many the run has. */
export function learningRate(schedule: Schedule, step: number, steps: number): number {
  return definitionOf<ScheduleDefinition>(schedule).rate(settingsOf(schedule), step, steps);
}

export interface WarmUp {
  /** The highest learning rate; 1 unless given, for optimizers that have peaks of their own. */
  readonly peak: number;
  readonly warmupSteps: number;
}

export interface Decay extends WarmUp {
  /** The last learning rate as a share of the peak. */
  readonly floor: number;
}

export interface WarmupStableDecay extends Decay {
  /** Steps of the decay, or, below 1, their share of the run. */
  readonly decaySteps: number;
}

const warmUp = { peak: real({ above: 0, to: 100 }).default(1), warmupSteps: whole({ from: 0 }).default(0) };
const floor = real({ from: 0, to: 1 });

/** The same learning rate at every step, after `warmupSteps` (0 if not given) of rising to it. */
export const constant: ScheduleFactory<Partial<WarmUp>, WarmUp> = defineSchedule<Partial<WarmUp>, WarmUp>({
  name: 'constant',
  settings: settings(warmUp),
  rate: (given, step, steps) => warmedUp(given, step, steps, { floor: 1, decaySteps: 0, height: () => 1 }),
});

/** A rise over `warmupSteps`, then half a cosine from `peak` to `floor × peak` (a tenth if not given) at the last step. */
export const cosine: ScheduleFactory<Partial<Decay>, Decay> = defineSchedule<Partial<Decay>, Decay>({
  name: 'cosine',
  settings: settings({ ...warmUp, floor: floor.default(0.1) }),
  rate: (given, step, steps) =>
    warmedUp(given, step, steps, {
      floor: given.floor,
      decaySteps: Infinity,
      height: (progress) => (1 + cosine0ToPi(Math.PI * progress)) / 2,
    }),
});

/**
 * A rise over `warmupSteps`, then `peak`, then over the last `decaySteps` a straight line to `floor × peak` (0 if not given)
 * at the last step. `decaySteps` below 1 are that share of the run; 0 keeps the peak to the end; a decay longer than what follows
 * the warm-up begins after it.
 */
export const wsd: ScheduleFactory<
  Partial<WarmupStableDecay> & Pick<WarmupStableDecay, 'decaySteps'>,
  WarmupStableDecay
> = defineSchedule<Partial<WarmupStableDecay> & Pick<WarmupStableDecay, 'decaySteps'>, WarmupStableDecay>({
  name: 'wsd',
  settings: settings({ ...warmUp, decaySteps: decayLength(), floor: floor.default(0) }),
  rate: (given, step, steps) =>
    warmedUp(given, step, steps, {
      floor: given.floor,
      decaySteps: given.decaySteps < 1 ? Math.round(given.decaySteps * steps) : given.decaySteps,
      height: (progress) => 1 - progress,
    }),
});

/** A number of steps, or a share of them. */
function decayLength(): z.ZodType<number> {
  return real({ from: 0, to: 2 ** 31 - 1 })
    .refine((value) => value < 1 || Number.isInteger(value))
    .describe('a whole number from 0, or a share of the steps below 1');
}

interface DecayForm {
  /** The last learning rate as a share of the peak. */
  readonly floor: number;
  /** Updates after the one that has the peak, as far as they decay. */
  readonly decaySteps: number;
  /** From 1 at the decay's beginning to 0 at its end. */
  readonly height: (progress: number) => number;
}

/**
 * The learning rate of one update after a warm-up and before a decay. With s = `step` + 1 from 1 to S = `steps`,
 * w = max(1, `warmupSteps`) and the decay's length d, which is at most S − w:
 *
 *     peak · s / warmupSteps                                        for s < w
 *     peak                                                          for w ≤ s ≤ S − d, and for s = w
 *     peak · (floor + (1 − floor) · h((s − (S − d)) / d))           for s > S − d
 *
 * So update w has the peak in every run that is as long as its warm-up (without one, the first update has it), and the last has the
 * floor if there is a decay. (optax's `warmup_cosine_decay_schedule` and PyTorch's `CosineAnnealingLR` give the floor to the
 * update after the last.)
 */
function warmedUp({ peak, warmupSteps }: WarmUp, step: number, steps: number, form: DecayForm): number {
  const done = step + 1;
  if (done < warmupSteps) return (peak * done) / warmupSteps;
  const decaySteps = Math.min(form.decaySteps, Math.max(0, steps - Math.max(1, warmupSteps)));
  if (done <= steps - decaySteps) return peak;
  return peak * (form.floor + (1 - form.floor) * form.height((done - (steps - decaySteps)) / decaySteps));
}

/** The highest learning rate of a run of `steps` updates; of very long ones of as many of them as can be tried at once. */
export function highestRate(schedule: Schedule, steps: number): number {
  let highest = 0;
  const stride = Math.ceil(steps / 100_000);
  for (let step = 0; step < steps; step += stride) highest = Math.max(highest, learningRate(schedule, step, steps));
  return highest;
}

/** cos x for 0 ≤ x ≤ π, by its Taylor series: engines round `Math.cos` differently, and replicas must not differ. */
function cosine0ToPi(x: number): number {
  let [sum, term] = [1, 1];
  for (let n = 2; n <= 30; n += 2) sum += term *= (-x * x) / (n * (n - 1));
  return sum;
}
