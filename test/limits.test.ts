// No model is limited by what an adapter binds, or by how large a buffer may be: a device that is made to keep to small limits computes
// what one without them does.
import { createModel, gpt, llama, type ModelValue, Parameters } from '@lockstep/nn';
import {
  crossEntropy,
  type Device,
  differentiate,
  layerNorm,
  matmul,
  Random,
  rmsNorm,
  sum,
  type Tensor,
} from '@lockstep/tensor';
import { openDevice } from '@lockstep/tensor/node';
import { afterAll, describe, expect, test } from 'vitest';
import { difference } from './difference.ts';
import { device } from './gpu.ts';

const KiB = 2 ** 10;
const narrow = await openDevice({ limits: { maxStorageBufferBindingSize: 128 * KiB } });
const split = await openDevice({ limits: { maxStorageBufferBindingSize: 128 * KiB, maxBufferSize: 256 * KiB } });
afterAll(() => Promise.all([narrow.close(), split.close()]));

const sizes = { layers: 1, heads: 2, width: 128, context: 16, vocab: 300 };

async function gradients(on: Device, description: ModelValue): Promise<{ loss: number; flat: Float32Array }> {
  const model = createModel(description);
  const parameters = new Parameters(on, model);
  parameters.initialize(3);
  const ids = (offset: number): Tensor =>
    on.tensor(
      Uint32Array.from({ length: 8 * 16 }, (_, i) => (i * 37 + offset) % 300),
      [4, 16],
      { shards: 2 },
    );
  const positions = on.tensor(
    Uint32Array.from({ length: 8 * 16 }, (_, i) => i % 16),
    [4, 16],
    { shards: 2 },
  );
  const random = new Random({ counters: on.tensor(new Uint32Array(4)) });
  const inputs = { tokens: ids(1), positions, random };
  const targets = ids(38);
  const loss = differentiate(on, () => crossEntropy(model.logits(inputs), targets, { rows: 128 }));
  const total = (await loss.read()).reduce((a, b) => a + b);
  return { loss: total, flat: await parameters.gradients.read() };
}

describe.each([
  ['a GPT-2', gpt(sizes)],
  ['a Llama', llama(sizes)],
] as const)('%s whose embedding is larger than a binding', (_name, description) => {
  test.each([
    ['bindings of 128 KiB', narrow],
    ['buffers of 256 KiB', split],
  ] as const)('has its gradients with %s', async (_limits, on) => {
    const [expected, got] = [await gradients(device, description), await gradients(on, description)];
    expect(got.loss).toBeCloseTo(expected.loss, 5);
    expect(difference(got.flat, expected.flat)).toBeLessThan(1e-5);
  });
});

test('a product in pieces of rows and columns has the same bits', async () => {
  const values = (size: number, seed: number): Float32Array<ArrayBuffer> =>
    Float32Array.from({ length: size }, (_, i) => Math.sin(i * 0.7 + seed));
  const run = async (on: Device): Promise<Float32Array> => {
    const [a, b] = [on.tensor(values(300 * 64, 1), [300, 64]), on.tensor(values(500 * 64, 2), [500, 64])];
    return matmul(a, b, { transposeB: true }).read();
  };
  expect(await run(narrow)).toEqual(await run(device));
});

test('a sum over more than a binding is that of one without limits', async () => {
  const data = Float32Array.from({ length: 100_000 }, (_, i) => Math.sin(i));
  const run = async (on: Device): Promise<number> => sum(on.tensor(data)).item();
  expect(await run(narrow)).toBe(await run(device));
});

test('norms without weights bind no more than rows', async () => {
  const data = Float32Array.from({ length: 128 * 400 }, (_, i) => Math.sin(i));
  const [expected, got] = await Promise.all(
    [device, narrow].map(async (on) => {
      const x = on.tensor(data, [128, 400]);
      const [layer, rms] = on.scope(() => [layerNorm(x), rmsNorm(x)]);
      return on.read([layer!, rms!]);
    }),
  );
  expect(got).toEqual(expected);
});
