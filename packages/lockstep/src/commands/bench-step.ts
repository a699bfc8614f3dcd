// `lockstep bench step`: where the time of a training step goes.
import { gpt } from '@lockstep/nn';
import { openDevice } from '@lockstep/tensor/node';
import { ConfigError } from '@lockstep/trainer';
import { type BenchFile, type StepRow, writeBenchFile } from '../bench/bench-file.ts';
import { CeilingProbe } from '../bench/ceilings.ts';
import { emptyBenchFile } from '../bench/environment.ts';
import { benchHeading } from '../bench/kernels/table.ts';
import { measureStep } from '../bench/step/measure-step.ts';
import { stepTable } from '../bench/step/table.ts';
import { rerunWithoutChatter } from '../driver-chatter.ts';
import { loadRun } from '../load-run.ts';
import { say } from '../say.ts';

export interface BenchStepOptions {
  readonly size?: readonly string[];
  readonly steps: number;
  readonly json?: string;
}

/** Models whose steps are compared between libraries and adapters. */
const sizes = {
  S: { layers: 4, heads: 4, width: 128, context: 64, vocab: 96, batch: 8 },
  M: { layers: 6, heads: 6, width: 192, context: 128, vocab: 256, batch: 4 },
  distilgpt2: { layers: 6, heads: 12, width: 768, context: 512, vocab: 50_257, batch: 1 },
  gpt2: { layers: 12, heads: 12, width: 768, context: 1024, vocab: 50_257, batch: 8 },
} as const;
type Size = keyof typeof sizes;

export async function benchStepCommand(run: string | undefined, options: BenchStepOptions): Promise<void> {
  if (await rerunWithoutChatter()) return;
  const wanted = options.size ?? (run === undefined ? ['S', 'M'] : []);
  const unknown = wanted.find((name) => !(name in sizes));
  if (unknown !== undefined)
    throw new ConfigError(`bench step: expected --size to be of ${Object.keys(sizes).join(', ')}, got ${unknown}`);
  const steps: StepRow[] = [];
  let file: BenchFile | undefined;
  const orders = [...wanted.map((name) => named(name as Size)), ...(run === undefined ? [] : [await ofRun(run)])];
  // A device for each: what one leaves on it is not counted to the next.
  for (const order of orders) {
    const device = await openDevice();
    const probe = await CeilingProbe.create(device);
    file ??= await emptyBenchFile(device, await probe.measure());
    steps.push(await measureStep(device, { ...order, steps: options.steps }));
    await device.close();
  }
  const whole = { ...file!, steps };
  say(process.stdout, [benchHeading(whole), ...steps.map(stepTable)].join('\n\n'));
  if (options.json) await writeBenchFile(options.json, whole);
}

type Order = Omit<Parameters<typeof measureStep>[1], 'steps'>;

function named(name: Size): Order {
  const { batch, ...model } = sizes[name];
  const { context, vocab } = model;
  return { name, model: gpt(model), sizes: { batch, context, vocab, shards: Math.min(8, batch) } };
}

/** A vocabulary that follows from the data is not known without them: then a step has that of bytes. */
async function ofRun(file: string): Promise<Order> {
  const { name, model, batch, shards } = await loadRun(file);
  const vocab = model.vocab ?? 256;
  return { name, model: { ...model, vocab }, sizes: { batch, context: model.context, vocab, shards } };
}
