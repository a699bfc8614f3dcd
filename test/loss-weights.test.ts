// Means over the weights of the whole batch, however it is cut: PyTorch's loss, metrics, gradient norm and weights, where the weights of two
// terms differ between shards, one shard counts nothing, and one batch has no weight in a term at all.
import { readFileSync } from 'node:fs';
import { createGroup, memoryBridge } from '@lockstep/collectives';
import { defineLoss, defineModel, layers, ops, openDevice, sgd, type Tensor } from 'lockstep';
import { Replica, type BatchArrays, type BatchSource } from '@lockstep/trainer';
import { expect, test } from 'vitest';

interface Fixture {
  readonly rate: number;
  readonly initial: Readonly<Record<string, { readonly shape: number[]; readonly data: number[] }>>;
  readonly batches: readonly Readonly<Record<'x' | 'label' | 'counts' | 'target' | 'weights', number[]>>[];
  readonly steps: readonly { loss: number; metrics: Record<string, number>; norm: number }[];
  readonly validation: { readonly loss: number; readonly metrics: Record<string, number> };
  readonly final: Readonly<Record<string, number[]>>;
}

const { rate, initial, batches, steps, validation, final } = JSON.parse(
  readFileSync(new URL('fixtures/weighted-loss/weighted-loss.json', import.meta.url), 'utf8'),
) as Fixture;

const twoHeads = defineModel({
  name: 'two heads',
  create() {
    const [first, classes, score] = [layers.linear(3, 5), layers.linear(5, 2), layers.linear(5, 1)];
    return {
      parameters: { first, classes, score },
      logits: ({ x }) => classes(ops.tanh(first(x!))),
      score: ({ x }: Readonly<Record<string, Tensor>>) => score(ops.tanh(first(x!))).reshape([-1]),
    };
  },
});

const twoTerms = defineLoss((model, { label, counts, target, weights, ...inputs }) => {
  const logits = model.logits(inputs);
  const square = ops.weightedMean(ops.square(model['score']!(inputs).sub(target!)), weights!);
  const isRight = ops.cast(ops.equal(ops.argmax(logits, { axis: -1 }), label!), 'f32');
  return {
    loss: [ops.crossEntropy(logits, label!, { where: counts! }), square.mul(0.25)],
    metrics: { accuracy: ops.weightedMean(isRight, counts!), square },
  };
});

const float = { shape: [], dtype: 'f32' } as const;
const whole = { shape: [], dtype: 'u32' } as const;
const shape = {
  batch: 16,
  shards: 8,
  inputs: { x: { shape: [3], dtype: 'f32' }, label: whole, counts: whole, target: float, weights: float },
} as const;

/** Rows of some of a batch's shards. */
const batchOf =
  (index: number): BatchSource =>
  ({ lo, hi }) =>
    Object.fromEntries(
      Object.entries(batches[index]!).map(([name, values]) => {
        const perShard = values.length / shape.shards;
        const rows = values.slice(lo * perShard, hi * perShard);
        return [name, name === 'label' || name === 'counts' ? Uint32Array.from(rows) : Float32Array.from(rows)];
      }),
    ) satisfies BatchArrays;

const close = (value: number): unknown => expect.closeTo(value, 5);

test.each([
  ['one worker', 1, 8],
  ['one worker in four passes', 1, 2],
  ['three workers', 3, 8],
])('%s: PyTorch’s numbers', async (_, size, shardsPerPass) => {
  const device = await openDevice();
  const workers = await Promise.all(
    memoryBridge(size).transports.map((transport) =>
      Replica.create({
        device,
        group: createGroup(transport, { shards: shape.shards }),
        model: twoHeads(),
        facts: {},
        loss: twoTerms(),
        optimizer: sgd(),
        shape,
        shardsPerPass,
        seed: 1,
      }),
    ),
  );
  const weights = new Map(
    Object.entries(initial).map(([name, one]) => [name, { ...one, data: Float32Array.from(one.data) }]),
  );
  for (const worker of workers) worker.begin(weights);
  for (const [step, { loss, metrics, norm }] of steps.entries()) {
    const options = { step, seed: 1, learningRate: rate, batch: batchOf(step), stop: false };
    for (const result of await Promise.all(workers.map((worker) => worker.step(options))))
      expect(result).toMatchObject({
        loss: close(loss),
        metrics: { accuracy: close(metrics['accuracy']!), square: close(metrics['square']!) },
        gradNorm: close(norm),
        isEmpty: step === 2,
      });
  }
  for (const worker of workers) {
    const state = await worker.state(steps.length);
    for (const [name, values] of Object.entries(final))
      expect([...state.weights.get(name)!.data], name).toEqual(values.map(close));
  }
  // Sums over all batches of a validation are divided, not means averaged.
  const { loss, metrics } = validation;
  for (const found of await Promise.all(workers.map((worker) => worker.evaluate([batchOf(0), batchOf(1)]))))
    expect(found).toEqual({
      loss: close(loss),
      metrics: { accuracy: close(metrics['accuracy']!), square: close(metrics['square']!) },
    });
  await device.close();
});
