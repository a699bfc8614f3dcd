// A run that any adapter finishes in seconds, and what it gave: the same code in a page and in Node.
import { createGroup, memoryBridge } from '@lockstep/collectives';
import { adamW, createModel, gpt, llama, type ModelValue, Parameters } from '@lockstep/nn';
import type { Device } from '@lockstep/tensor';
import { cosine, type Dataset, defineRun, text, trainOn, weightsSha256 } from '@lockstep/trainer';

const sizes = { layers: 2, heads: 4, width: 32, context: 32 };

/** Dropout is on, so that random numbers count, too. */
const models = {
  gpt: gpt({ ...sizes, dropout: 0.1 }),
  llama: llama({ ...sizes, kvHeads: 2 }),
} satisfies Record<string, ModelValue>;

export type Architecture = keyof typeof models;

/** The text of all runs; a path beside the page. */
export const tides = text('tides.txt', { validation: 0.2 });

export interface FiveSteps {
  /** Of each step, before its update. */
  readonly losses: readonly number[];
  readonly validationLoss: number | undefined;
  readonly initialSha256: string;
  readonly finalSha256: string;
}

export async function fiveSteps(architecture: Architecture, device: Device, dataset: Dataset): Promise<FiveSteps> {
  const run = defineRun({
    name: `five-steps-${architecture}`,
    model: models[architecture],
    data: tides,
    optimizer: adamW(),
    schedule: cosine({ peak: 1e-2, warmupSteps: 1 }),
    batch: 8,
    shards: 8,
    steps: 5,
    validation: { every: 5, batches: 1 },
    sample: { every: 0 },
    seed: 5,
  });
  const losses: number[] = [];
  const group = createGroup(memoryBridge(1).transports[0]!, { shards: run.shards });
  const onStep = ({ loss }: { loss: number }): void => void losses.push(loss);
  const result = await trainOn(run, { device, group, dataset, onStep });
  return {
    losses,
    validationLoss: result.validation?.loss,
    initialSha256: await initialSha256(run.model, { device, dataset, seed: run.seed }),
    finalSha256: result.weightsSha256,
  };
}

async function initialSha256(
  model: ModelValue,
  { device, dataset, seed }: { device: Device; dataset: Dataset; seed: number },
): Promise<string> {
  const parameters = new Parameters(device, createModel(model, dataset.facts));
  parameters.initialize(seed);
  return weightsSha256(await parameters.read());
}
