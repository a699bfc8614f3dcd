// A model on a device, with the loss that it learns by.
import { createModel, type Facts, type LossValue, type ModelValue, nextToken, Parameters } from '@lockstep/nn';
import type { Device } from '@lockstep/tensor';
import { type Learner, mostTotals } from './shard-pass.ts';

interface LearnerOptions {
  readonly model: ModelValue;
  /** What the data says of itself. */
  readonly facts: Facts;
  /** `nextToken()` unless given. */
  readonly loss?: LossValue | undefined;
  /** Trained models that the loss asks, which have to be on the device before anything is recorded. */
  readonly teachers?: readonly { putOn(device: Device): unknown }[] | undefined;
}

/** A model of its own for a device, with memory for its parameters. */
export function learnerOn(
  device: Device,
  { model: value, facts, loss = nextToken(), teachers = [] }: LearnerOptions,
): Learner {
  for (const teacher of teachers) teacher.putOn(device);
  const model = createModel(value, facts);
  return { device, model, loss, parameters: new Parameters(device, model), totals: device.empty([mostTotals]) };
}
