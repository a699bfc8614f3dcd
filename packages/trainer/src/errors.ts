// The error of a run that is set up wrongly. It is the one of nn, so that a model and its run report bad settings alike.

export { ConfigError } from '@lockstep/nn';

/** A loss that is no longer a number: the run cannot go on, and its last checkpoint is the place to return to. */
export class DivergedError extends Error {
  readonly code = 'DIVERGED';
  override readonly name = 'DivergedError';

  constructor(step: number, loss: number) {
    super(
      `train: expected a finite loss at step ${step}, got ${loss}\nhint: lower schedule.peak, warm up longer, or set optimizer.clipNorm`,
    );
  }
}
