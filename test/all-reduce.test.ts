// The promise under all others: an all-reduce has the bits of the fixed tree, for every number of workers, on every
// rank, in whatever order messages arrive.

import { createGroup, memoryBridge, nodesOf, type Transport } from '@lockstep/collectives';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

const smallestNormal = 2 ** -126;
const flush = (x: number): number => (Math.abs(x) < smallestNormal ? 0 : x);

/** The definition: the sum of shards lo … hi − 1 of one element. */
function treeSum(shards: readonly number[], lo: number, hi: number): number {
  if (hi - lo === 1) return shards[lo]!;
  const middle = (lo + hi) / 2;
  return flush(Math.fround(flush(treeSum(shards, lo, middle)) + flush(treeSum(shards, middle, hi))));
}

const bitsOf = (array: Float32Array): number[] => [...new Uint32Array(array.buffer, array.byteOffset, array.length)];

/** Any float that is a number, with many that cancel, underflow or are subnormal. */
const value = fc.oneof(
  fc.float({ noNaN: true }),
  fc.float({ noNaN: true, noDefaultInfinity: true, min: -1, max: 1 }),
  fc.float({
    noNaN: true,
    noDefaultInfinity: true,
    min: Math.fround(-4 * smallestNormal),
    max: Math.fround(4 * smallestNormal),
  }),
  fc.constantFrom(0, -0, smallestNormal, -smallestNormal, 2 ** -149, 1, -1),
);

/** Delays each message by turns of the microtask queue, from `delays` in a circle; within a peer and tag, order stays. */
function delayed(transport: Transport, delays: readonly number[]): Transport {
  let sent = transport.rank;
  const before = new Map<string, Promise<void>>();
  const send: Transport['send'] = (to, tag, bytes) => {
    const turns = delays[sent++ % delays.length]!;
    const copy = bytes.slice();
    const after = async (previous: Promise<void> | undefined): Promise<void> => {
      await previous;
      for (let turn = 0; turn < turns; turn++) await Promise.resolve();
      await transport.send(to, tag, copy);
    };
    const delivered = after(before.get(`${to}/${tag}`));
    before.set(`${to}/${tag}`, delivered);
    return delivered;
  };
  return { ...transport, send };
}

interface Reduction {
  readonly size: number;
  readonly shards: number;
  /** gradients[i] holds element i of all shards. */
  readonly gradients: readonly (readonly number[])[];
  readonly delays: readonly number[];
  readonly nodeLimit?: number;
}

async function reduce({ size, shards, gradients, delays, nodeLimit = shards }: Reduction): Promise<number[][]> {
  const { transports } = memoryBridge(size);
  return Promise.all(
    transports.map(async (transport) => {
      const group = createGroup(delayed(transport, delays), { shards, nodeLimit });
      const nodes = group.nodes.map(({ lo, hi }) => Float32Array.from(gradients, (shard) => treeSum(shard, lo, hi)));
      const out = new Float32Array(gradients.length);
      await group.allReduce(nodes, out);
      return bitsOf(out);
    }),
  );
}

/** −∞ + ∞ gives NaN, whose bits nobody promises. */
const isNumber = (gradient: readonly number[]): boolean => !Number.isNaN(treeSum(gradient, 0, gradient.length));

describe.each([8, 16])('%d shards', (shards) => {
  const gradient = fc.array(value, { minLength: shards, maxLength: shards }).filter(isNumber);
  const inputs = fc.record({
    gradients: fc.array(gradient, { minLength: 0, maxLength: 21 }),
    delays: fc.array(fc.nat(30), { minLength: 1, maxLength: 7 }),
  });

  test.each([1, 2, 3, 4, 5, 6, 7, 8])('over %d workers give the bits of the tree on every rank', async (size) => {
    await fc.assert(
      fc.asyncProperty(inputs, async ({ gradients, delays }) => {
        const expected = bitsOf(Float32Array.from(gradients, (shard) => treeSum(shard, 0, shards)));
        for (const bits of await reduce({ size, shards, gradients, delays })) expect(bits).toEqual(expected);
      }),
      { numRuns: 40 },
    );
  });

  test.each([1, 2, 4])('in nodes of at most %d shards give the same bits', async (nodeLimit) => {
    const gradients = Array.from({ length: 9 }, (_, i) =>
      Array.from({ length: shards }, (__, s) => Math.fround(Math.sin(31 * i + s))),
    );
    const expected = bitsOf(Float32Array.from(gradients, (shard) => treeSum(shard, 0, shards)));
    for (const size of [1, 3]) {
      for (const bits of await reduce({ size, shards, gradients, delays: [0], nodeLimit }))
        expect(bits).toEqual(expected);
    }
    expect(nodesOf(0, shards, nodeLimit)).toHaveLength(shards / nodeLimit);
  });
});
