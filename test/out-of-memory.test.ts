// An adapter that has less memory than a worker was planned with: it computes fewer shards side by side, with the same bits, or says what
// takes the memory. The adapter is the real one, behind a device that counts, as this one would sooner end the process than refuse.
import { createGroup, memoryBridge } from '@lockstep/collectives';
import { adamW, characters, gpt } from '@lockstep/nn';
import { Device } from '@lockstep/tensor';
import { openDevice } from '@lockstep/tensor/node';
import { Replica, textFromString } from '@lockstep/trainer';
import { expect, test } from 'vitest';

const KiB = 2 ** 10;
const words = 'It was the best of times, it was the worst of times. '.repeat(40);
const dataset = await textFromString(words, { tokenizer: characters(words), validation: 0.1 });
const context = 16;
const { inputs, batch: rowsOf } = dataset.batches({ context });

/** A device whose storage buffers may have so many bytes in all. */
async function deviceOf(bytes: number): Promise<Device> {
  const { gpu, facts } = await openDevice();
  const scopes: { filter: GPUErrorFilter; failed: boolean }[] = [];
  let used = 0;
  const createBuffer = (descriptor: GPUBufferDescriptor): GPUBuffer => {
    const { size, usage } = descriptor;
    const isStorage = (usage & GPUBufferUsage.STORAGE) !== 0;
    const isRefused = isStorage && used + size > bytes;
    if (isRefused) scopes.findLast(({ filter }) => filter === 'out-of-memory')!.failed = true;
    // One with a usage that fits nothing is as invalid as one that was not created.
    const buffer = gpu.createBuffer(isRefused ? { size, usage: GPUBufferUsage.INDEX } : descriptor);
    if (isRefused || !isStorage) return buffer;
    used += size;
    const destroy = buffer.destroy.bind(buffer);
    return Object.assign(buffer, { destroy: () => ((used -= size), destroy()) });
  };
  const scoped = {
    createBuffer,
    pushErrorScope: (filter: GPUErrorFilter) => (scopes.push({ filter, failed: false }), gpu.pushErrorScope(filter)),
    popErrorScope: async () => {
      const { failed } = scopes.pop()!;
      const error = await gpu.popErrorScope();
      return failed ? { message: 'out of memory' } : error;
    },
  };
  const counted = new Proxy(gpu, {
    get(target, name) {
      const value: unknown = Reflect.get(name in scoped ? scoped : target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  return new Device(counted, facts);
}

async function trained(bytes: number): Promise<{ weights: Float32Array; shardsPerPass: number; used: number }> {
  const device = await deviceOf(bytes);
  const [transport] = memoryBridge(1).transports;
  const replica = await Replica.create({
    device,
    group: createGroup(transport!, { shards: 8 }),
    model: gpt({ layers: 2, heads: 2, width: 32, context }),
    facts: dataset.facts,
    optimizer: adamW(),
    shape: { batch: 16, shards: 8, inputs },
    seed: 5,
  });
  await replica.step({
    step: 0,
    seed: 1,
    learningRate: 1e-2,
    stop: false,
    batch: ({ lo, hi }) => rowsOf({ step: 0, seed: 1, shard: lo, count: hi - lo, shards: 8, batchSize: 16 }),
  });
  const weights = await replica.parameters.weights.read();
  const { bytes: used } = device.stats;
  await device.close();
  return { weights, shardsPerPass: replica.passes.shardsPerPass, used };
}

test('where there is no room for all shards side by side, fewer are computed at a time, with the same bits', async () => {
  const all = await trained(Infinity);
  const few = await trained(0.6 * all.used);
  expect([all.shardsPerPass, few.shardsPerPass]).toEqual([8, 2]);
  expect(few.used).toBeLessThan(0.6 * all.used);
  expect(few.weights).toEqual(all.weights);
});

test('where there is no room for one, the largest tensors are named, and what to do', async () => {
  await expect(trained(400 * KiB)).rejects.toThrow(
    /^device: expected room for [\d.]+ [KM]iB more, got an adapter that is out of memory with [\d.]+ KiB in use; the largest tensors are f32 \[.*\] by .* \(.*\), .*\nhint: less memory is needed with/,
  );
});
