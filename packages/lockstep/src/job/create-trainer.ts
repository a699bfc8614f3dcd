// A loop of one's own in a job: the device, the memory and the run's folder that a trainer needs, which are the job's business.
import { resolve } from 'node:path';
import type { Group } from '@lockstep/collectives';
import type { Device } from '@lockstep/tensor';
import { openDevice } from '@lockstep/tensor/node';
import { type GivenModels, type KeptState, Trainer, type TrainerOptions } from '@lockstep/trainer';
import { adapterMemory } from './adapter-memory.ts';
import { RunStore } from './run-store.ts';
import { scriptName } from './script-name.ts';
import { trainerWishes } from './trainer-wishes.ts';

/** What a trainer trains, and where it writes. */
export interface CreateTrainerOptions<Models extends GivenModels, State extends KeptState> extends TrainerOptions<
  Models,
  State
> {
  /** Names the folder `runs/<name>`; the script's name unless given. */
  readonly name?: string;
  /** The folder to write to, `runs/<name>` unless given; `--out` says otherwise. */
  readonly out?: string;
  /** Whether to go on from the latest checkpoint; false unless given or asked for by `--resume`. */
  readonly resume?: boolean;
  /** Steps between two checkpoints, 0 for none but the one at the end, and how many of the latest stay; 100 and 3 unless given. */
  readonly checkpoint?: { readonly every?: number; readonly keep?: number };
  /** The best adapter's unless given. */
  readonly device?: Device;
  /** Bytes of its adapter that each worker may use; what the system tells unless given. No bit depends on it. */
  readonly memoryBytes?: number;
}

/**
 * Makes a trainer for a loop of one's own. All workers of the job make it together, with the same options:
 *
 * ```ts
 * const job = await join();
 * const trainer = await createTrainer(job, { model: gpt({ … }), optimizer: adamW(), batch: 16 });
 * for await (const step of trainer.steps(200)) await step.take(data.batch(step.number), { rate: 1e-3 });
 * console.log(await trainer.sha256());
 * ```
 *
 * It writes to `runs/<name>`: metrics, a chart, checkpoints and, at the end, the model. `lockstep run script.ts --resume` goes on from the
 * latest checkpoint, on any number of workers with the same bits.
 *
 * @throws {ConfigError} for settings that do not go together, a folder that cannot be had, and a run that computes something else.
 * @throws {CheckpointError} for a checkpoint that is damaged, or of another model.
 */
export async function createTrainer<const Models extends GivenModels, State extends KeptState = Record<never, never>>(
  job: Group,
  options: CreateTrainerOptions<Models, State>,
): Promise<Trainer<Models, State>> {
  const { name, checkpoint, memoryBytes, device: given, out, resume, ...rest } = options;
  const device = given ?? (await openDevice());
  const file = resolve(process.argv[1] ?? 'script');
  const { isCpu, description } = device.facts;
  const memory = await adapterMemory({ isCpu, workers: job.size, asked: memoryBytes });
  new Trainer(rest, { group: job, device }); // what does not go together is refused before anything is written
  const store = await RunStore.open({
    out,
    resume,
    ...trainerWishes(),
    name: scriptName(name, file),
    file,
    group: job,
    adapter: description,
    checkpoint: { every: checkpoint?.every ?? 100, keep: checkpoint?.keep ?? 3 },
    settings: storedSettings(rest),
    models: options.model,
  });
  return new Trainer(rest, { group: job, device, store, memoryBytes: memory.bytes });
}

/** What is written down of a trainer: functions are no settings. */
function storedSettings({
  model,
  optimizer,
  batch,
  shards,
  seed,
  wire,
}: Omit<TrainerOptions<GivenModels, KeptState>, 'loss'>): Record<string, unknown> {
  return JSON.parse(JSON.stringify({ model, optimizer, batch, shards, seed, wire })) as Record<string, unknown>;
}
