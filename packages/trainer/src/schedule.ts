// Learning rates over a run: pure functions of the step. The optimizer multiplies; here is only the number.

/** Warm-up, then the same rate to the end. */
export interface ConstantSchedule {
  readonly kind: 'constant';
  readonly peak: number;
  readonly warmupSteps: number;
}

/** Warm-up, then half a cosine down to the floor at the last step (Loshchilov & Hutter 2016, without restarts). */
export interface CosineSchedule {
  readonly kind: 'cosine';
  readonly peak: number;
  readonly warmupSteps: number;
  /** The last learning rate as a share of the peak. */
  readonly floor: number;
}

/** Warm-up, the peak, and a linear decay over the last steps: warmup-stable-decay (Hu et al. 2024, MiniCPM). */
export interface WsdSchedule {
  readonly kind: 'wsd';
  readonly peak: number;
  readonly warmupSteps: number;
  readonly decaySteps: number;
  /** The last learning rate as a share of the peak. */
  readonly floor: number;
}

export type Schedule = ConstantSchedule | CosineSchedule | WsdSchedule;

type Options<S extends Schedule, Required extends keyof S> = Pick<S, Required> & Partial<Omit<S, Required | 'kind'>>;

/** The same learning rate at every step, after `warmupSteps` (0 if not given) of rising to it. */
export function constant(options: Options<ConstantSchedule, 'peak'>): ConstantSchedule {
  return { kind: 'constant', warmupSteps: 0, ...options };
}

/** A rise over `warmupSteps`, then half a cosine from `peak` to `floor × peak` (a tenth if not given) at the last step. */
export function cosine(options: Options<CosineSchedule, 'peak' | 'warmupSteps'>): CosineSchedule {
  return { kind: 'cosine', floor: 0.1, ...options };
}

/**
 * A rise over `warmupSteps`, then `peak`, then over the last `decaySteps` a straight line to `floor × peak` (0 if not given)
 * at the last step. `decaySteps: 0` keeps the peak to the end; a decay longer than what follows the warm-up begins after it.
 */
export function wsd(options: Options<WsdSchedule, 'peak' | 'warmupSteps' | 'decaySteps'>): WsdSchedule {
  return { kind: 'wsd', floor: 0, ...options };
}

/**
 * The learning rate of one update. With s = `step` + 1 from 1 to S = `steps`, w = max(1, `warmupSteps`) and the decay's length
 *
 *     d = 0 (constant), S − w (cosine), min(decaySteps, S − w) (wsd), and none below 0:
 *
 *     peak · s / warmupSteps                                        for s < w
 *     peak                                                          for w ≤ s ≤ S − d, and for s = w
 *     peak · (floor + (1 − floor) · h((s − (S − d)) / d))           for s > S − d
 *
 * where h(p) = (1 + cos πp) / 2 for cosine and 1 − p for wsd. So update w has the peak in every run that is as long as its
 * warm-up (without one, the first update has it), and the last has the floor if there is a decay. (optax's
 * `warmup_cosine_decay_schedule` and PyTorch's `CosineAnnealingLR` give the floor to the update after the last.)
 * @param step the update's number, from 0 to `steps` − 1.
 * @param steps how many updates the whole run has.
 */
export function learningRate(schedule: Schedule, step: number, steps: number): number {
  const done = step + 1;
  const { peak, warmupSteps } = schedule;
  return done < warmupSteps ? (peak * done) / warmupSteps : peak * shareOfPeak(schedule, done, steps);
}

/** The highest learning rate of a run of `steps` updates: the peak, unless the run ends within the warm-up. */
export function highestRate(schedule: Schedule, steps: number): number {
  return learningRate(schedule, Math.min(steps, Math.max(1, schedule.warmupSteps)) - 1, steps);
}

/** After the warm-up. `done` counts updates including this one. */
function shareOfPeak(schedule: Schedule, done: number, steps: number): number {
  const decaySteps = decayStepsOf(schedule, steps);
  if (schedule.kind === 'constant' || done <= steps - decaySteps) return 1;
  const progress = (done - (steps - decaySteps)) / decaySteps;
  const height = schedule.kind === 'cosine' ? (1 + cosine0ToPi(Math.PI * progress)) / 2 : 1 - progress;
  return schedule.floor + (1 - schedule.floor) * height;
}

/** Updates after the one that has the peak, as far as they decay. */
function decayStepsOf(schedule: Schedule, steps: number): number {
  const most = Math.max(0, steps - Math.max(1, schedule.warmupSteps));
  return schedule.kind === 'wsd' ? Math.min(schedule.decaySteps, most) : most;
}

/** cos x for 0 ≤ x ≤ π, by its Taylor series: engines round `Math.cos` differently, and replicas must not differ. */
function cosine0ToPi(x: number): number {
  let [sum, term] = [1, 1];
  for (let n = 2; n <= 30; n += 2) sum += term *= (-x * x) / (n * (n - 1));
  return sum;
}
