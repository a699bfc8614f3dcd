// `lockstep bench step`: where the time of a training step goes.
import { gpt } from '@lockstep/nn';
import { openDevice } from '@lockstep/tensor/node';
import { ConfigError } from '@lockstep/trainer';
import type { BenchFile, StepRow } from '../bench/bench-file.ts';
import { writeBenchFile } from '../bench/bench-schema.ts';
import { CeilingProbe } from '../bench/ceilings.ts';
import { emptyBenchFile } from '../bench/environment.ts';
import { benchHeading } from '../bench/kernels/table.ts';
import { measureStep, type StepOrder } from '../bench/step/measure-step.ts';
import { languageOrder } from '../bench/step/language-order.ts';
import { orderOfRun } from '../bench/step/order-of-run.ts';
import { stepTable } from '../bench/step/table.ts';
import { rerunWithoutChatter } from '../launch/driver-chatter.ts';
import { say } from '../console/say.ts';

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
  const orders = [...wanted.map((name) => named(name as Size)), ...(run === undefined ? [] : [await orderOfRun(run)])];
  // A device for each: what one leaves on it is not counted to the next.
  for (const order of orders) {
    const device = await openDevice();
    const probe = await CeilingProbe.create(device);
    file ??= { ...(await emptyBenchFile(device)), ceilings: await probe.measure(), timer: probe.clock.timer };
    steps.push(await measureStep(device, order, { steps: options.steps, probe }));
    await device.close();
  }
  const whole = { ...file!, steps };
  say(process.stdout, [benchHeading(whole), ...steps.map(stepTable)].join('\n\n'));
  if (options.json) await writeBenchFile(options.json, whole);
}

function named(name: Size): StepOrder {
  const { batch, ...model } = sizes[name];
  const { context, vocab } = model;
  return languageOrder({ name, model: gpt(model), batch, context, vocab, shards: Math.min(8, batch) });
}
