// The gradients of a step leave the device in buckets, travel in a wire format, and are applied by everybody or by owners.
// None of it, nor the number of workers, shows in the weights, but for the wire format, which shows on all alike.
import { createGroup, memoryBridge, type Transport } from '@lockstep/collectives';
import { adamW, characters, gpt, groups, muon, type OptimizerValue, sgd } from '@lockstep/nn';
import type { Device, WireFormat } from '@lockstep/tensor';
import { openDevice } from '@lockstep/tensor/node';
import {
  type BatchSource,
  Replica,
  type ReplicaOptions,
  textFromString,
  type TrainState,
  weightsSha256,
} from '@lockstep/trainer';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const KiB = 2 ** 10;
const text = 'It was the best of times, it was the worst of times. '.repeat(40);
const dataset = await textFromString(text, { tokenizer: characters(text), validation: 0.1 });
const context = 8;
const { inputs, batch } = dataset.batches({ context });
const shape = { batch: 8, shards: 8, inputs };
const { facts } = dataset;
const model = gpt({ layers: 2, heads: 2, width: 48, context });
const seed = 7;

const devices: Device[] = await Promise.all(Array.from({ length: 5 }, () => openDevice()));
afterAll(() => Promise.all(devices.map((device) => device.close())));

const batchOf =
  (step: number): BatchSource =>
  ({ lo, hi }) =>
    batch({ step, seed, shard: lo, count: hi - lo, shards: shape.shards, batchSize: shape.batch });

interface Setting extends Pick<ReplicaOptions, 'bucketBytes' | 'wire' | 'shardsPerPass' | 'memoryBytes'> {
  readonly workers: number;
  readonly optimizer?: OptimizerValue;
}

async function replicas(
  { workers, optimizer = adamW(), ...options }: Setting,
  wrap = (t: Transport) => t,
): Promise<Replica[]> {
  const bridge = memoryBridge(workers);
  return Promise.all(
    bridge.transports.map((transport, rank) => {
      const group = createGroup(wrap(transport), { shards: shape.shards });
      return Replica.create({ device: devices[rank]!, group, model, facts, optimizer, shape, seed, ...options });
    }),
  );
}

async function takeSteps(workers: readonly Replica[], from: number, to: number): Promise<number> {
  let norm = 0;
  for (let step = from; step < to; step++) {
    const options = { step, seed, learningRate: 1e-2, batch: batchOf(step), stop: false };
    const results = await Promise.all(workers.map((worker) => worker.step(options)));
    norm = results[0]!.gradNorm;
    for (const { gradNorm, loss } of results) expect([gradNorm, loss]).toEqual([norm, results[0]!.loss]);
  }
  return norm;
}

/** The state that all workers have, whose weights must be the same on each. */
async function stateOf(workers: readonly Replica[], step: number): Promise<TrainState> {
  const states = await Promise.all(workers.map((worker) => worker.state(step)));
  const hashes = await Promise.all(states.map(({ weights }) => weightsSha256(weights)));
  expect(new Set(hashes).size).toBe(1);
  return states.at(-1)!;
}

/** A state in one line: the weights, each of the optimizer's tensors, and the last norm. */
async function fingerprint({ weights, optimizer }: TrainState, norm = 0): Promise<string> {
  return (await Promise.all([weights, ...optimizer.values()].map(weightsSha256))).concat(`${norm}`).join();
}

async function train(setting: Setting): Promise<string> {
  const workers = await replicas(setting);
  const norm = await takeSteps(workers, 0, 2);
  return fingerprint(await stateOf(workers, 2), norm);
}

describe.each<WireFormat>(['f32', 'bf16', 'int8'])('over %s', (wire) => {
  let expected: string;
  beforeAll(async () => void (expected = await train({ workers: 1, wire })));

  test.each([2, 3, 4, 5])('%d workers end with the state of one, whatever the size of buckets', async (workers) => {
    for (const bucketBytes of [64 * KiB, 1024 * KiB, 64 * 1024 * KiB])
      expect(await train({ workers, wire, bucketBytes }), `${bucketBytes}`).toBe(expected);
  });

  test.each([1, 2, 3, 4, 5])('%d workers of which each updates its slice end with it, too', async (workers) => {
    for (const bucketBytes of [64 * KiB, 64 * 1024 * KiB])
      expect(await train({ workers, wire, bucketBytes, optimizer: adamW({ shard: true }) })).toBe(expected);
  });
});

describe.each<WireFormat>(['f32', 'bf16', 'int8'])('in several passes over %s', (wire) => {
  test.each([
    { workers: 1, shardsPerPass: 1 },
    { workers: 1, shardsPerPass: 4 },
    { workers: 2, shardsPerPass: 2 },
    { workers: 3, shardsPerPass: 1 },
  ])(
    '$workers workers that compute $shardsPerPass shards at a time end with the state of one pass',
    async (setting) => {
      const small = { wire, bucketBytes: 64 * KiB };
      expect(await train({ ...small, ...setting })).toBe(await train({ ...small, workers: 1 }));
    },
  );
});

test('a step that does not fit into memory at once is computed in as many passes as it takes', async () => {
  const whole = await train({ workers: 1 });
  for (const memoryBytes of [1, 2 ** 20, 2 ** 30]) expect(await train({ workers: 1, memoryBytes })).toBe(whole);
  const [roomy, tight] = await Promise.all([2 ** 30, 1].map((memoryBytes) => passesOf(memoryBytes)));
  expect([roomy, tight]).toEqual([1, 8]);
});

/** Passes of the only worker: each of them has its counters. */
async function passesOf(memoryBytes: number): Promise<number> {
  const [worker] = await replicas({ workers: 1, memoryBytes });
  const { shardsPerPass } = worker!.passes;
  return 8 / shardsPerPass;
}

test('a loss is the same in one pass and in several', async () => {
  const evaluated = async (shardsPerPass: number): Promise<number | undefined> => {
    const [worker] = await replicas({ workers: 1, shardsPerPass });
    return (await worker!.evaluate([batchOf(0), batchOf(1)]))?.loss;
  };
  const whole = await evaluated(8);
  for (const shardsPerPass of [1, 2, 4]) expect(await evaluated(shardsPerPass)).toBe(whole);
});

test('wire formats differ in what they lose', async () => {
  const [f32, bf16, int8] = await Promise.all(
    (['f32', 'bf16', 'int8'] as const).map((wire) => train({ workers: 1, wire })),
  );
  expect(new Set([f32, bf16, int8]).size).toBe(3);
});

test('SGD is sharded as AdamW is', async () => {
  const optimizer = { momentum: 0.9, clipNorm: 0.5 };
  const whole = await train({ workers: 2, optimizer: sgd(optimizer) });
  expect(await train({ workers: 3, bucketBytes: 64 * KiB, optimizer: sgd({ ...optimizer, shard: true }) })).toBe(whole);
});

test('what a sharded run has stored goes on in a replicated one of other workers, and back', async () => {
  const sharded = { optimizer: adamW({ shard: true }), bucketBytes: 64 * KiB };
  const plan = [{ workers: 3, ...sharded }, { workers: 2 }, { workers: 4, ...sharded }];
  let state: TrainState | undefined;
  for (const [step, setting] of plan.entries()) {
    const workers = await replicas(setting);
    if (state) for (const worker of workers) worker.restore(state);
    await takeSteps(workers, step, step + 1);
    state = await stateOf(workers, step + 1);
  }
  const whole = await replicas({ workers: 1 });
  await takeSteps(whole, 0, plan.length);
  expect(await fingerprint(state!)).toBe(await fingerprint(await stateOf(whole, plan.length)));
});

test('the optimizer’s memory is divided by the number of workers', async () => {
  const bytesOf = async (optimizer: OptimizerValue): Promise<number> => {
    const [used] = devices;
    const fresh = (devices[0] = await openDevice()); // on one that was used, memory of others may serve again
    await replicas({ workers: 4, optimizer });
    const { bytes } = fresh.stats;
    devices[0] = used!;
    await fresh.close();
    return bytes;
  };
  const saved = (await bytesOf(adamW())) - (await bytesOf(adamW({ shard: true })));
  const moments = 2 * 4 * (await replicas({ workers: 1 }))[0]!.parameters.weights.size;
  expect(saved / moments).toBeCloseTo(3 / 4, 1);
});

test.each<[string, OptimizerValue]>([
  ['AdamW', adamW()],
  ['one of whole parameters', groups({ matrices: muon(), rest: adamW() })],
])('workers of different adapters share an update though nobody asked: %s', async (_name, optimizer) => {
  const [first, second] = devices;
  const { facts } = second!;
  Object.assign(second!, { facts: { ...facts, description: 'another' } });
  try {
    const workers = await replicas({ workers: 2, bucketBytes: 64 * KiB, optimizer });
    for (const { sharing } of workers) expect(sharing).toMatchObject({ sharded: true, mixedAdapters: true });
    await takeSteps(workers, 0, 2);
    await stateOf(workers, 2);
  } finally {
    Object.assign(second!, { facts });
  }
  expect(first!.facts).toEqual(second!.facts);
});

test('a bucket is sent while later ones have not come yet', async () => {
  let tell!: () => void;
  const sent = new Promise<void>((resolve) => (tell = resolve));
  const watched = (transport: Transport): Transport => ({
    ...transport,
    send: (to, tag, bytes) => {
      if (transport.rank === 0) tell();
      return transport.send(to, tag, bytes);
    },
  });
  const workers = await replicas({ workers: 2, bucketBytes: 64 * KiB }, watched);
  const device = devices[0]!;
  const stream = device.stream.bind(device);
  // Whoever waits for the last bucket before it sends the first never gets it.
  device.stream = (stages) =>
    stream(stages).map(async (arrival, i) => {
      if (i > 0 && i === stages.length - 1) await sent;
      return arrival;
    });
  try {
    await takeSteps(workers, 0, 1);
  } finally {
    device.stream = stream;
  }
});
