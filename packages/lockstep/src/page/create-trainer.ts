// A loop of one's own in a page: nothing is stored.
import type { Group } from '@lockstep/collectives';
import type { Device } from '@lockstep/tensor';
import { type GivenModels, type KeptState, Trainer, type TrainerOptions } from '@lockstep/trainer';
import { openDevice } from './open-device.ts';

/** What a trainer trains. */
export interface CreateTrainerOptions<Models extends GivenModels, State extends KeptState> extends TrainerOptions<
  Models,
  State
> {
  /** The best adapter's unless given. */
  readonly device?: Device;
}

/** Makes a trainer for a loop of one's own. @throws {ConfigError} for settings that do not go together. */
export async function createTrainer<const Models extends GivenModels, State extends KeptState = Record<never, never>>(
  job: Group,
  { device, ...options }: CreateTrainerOptions<Models, State>,
): Promise<Trainer<Models, State>> {
  return new Trainer(options, { group: job, device: device ?? (await openDevice()) });
}
