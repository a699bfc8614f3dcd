// The promise under all others: an all-reduce has the bits of the fixed tree, for every number of workers, on every
// rank, in whatever order messages arrive.

import {
  createGroup,
  encodingOf,
  type GroupOptions,
  memoryBridge,
  nodesOf,
  type ReduceOptions,
  type Reducible,
  type ShardRange,
  sliceOf,
  type Transport,
} from '@lockstep/collectives';
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
  readonly group?: GroupOptions;
}

async function reduce({ size, shards, gradients, delays, group: options }: Reduction): Promise<number[][]> {
  const { transports } = memoryBridge(size);
  return Promise.all(
    transports.map(async (transport) => {
      const group = createGroup(delayed(transport, delays), { shards, ...options });
      const nodes = group.nodes.map(({ lo, hi }) => Float32Array.from(gradients, (shard) => treeSum(shard, lo, hi)));
      const out = new Float32Array(gradients.length);
      await group.allReduce(nodes, out);
      return bitsOf(out);
    }),
  );
}

/** −∞ + ∞ gives NaN, whose bits nobody promises. */
const isNumber = (gradient: readonly number[]): boolean => !Number.isNaN(treeSum(gradient, 0, gradient.length));

/** Contiguous ranges of very different lengths, the more the lower the rank. */
function unevenRanges(size: number, shards: number): ShardRange[] {
  const bounds = Array.from({ length: size + 1 }, (_, rank) => (rank === size ? shards : rank));
  return bounds.slice(1).map((hi, rank) => ({ lo: bounds[rank]!, hi }));
}
const twoHosts = (size: number): string[] =>
  Array.from({ length: size }, (_, rank) => (rank < Math.ceil(size / 3) ? 'first' : 'second'));

const forms: [string, (size: number, shards: number) => GroupOptions][] = [
  ['as chosen', () => ({})],
  ...(['oneShot', 'direct', 'halvingDoubling'] as const).map((algorithm): [string, () => GroupOptions] => [
    algorithm,
    () => ({ algorithm }),
  ]),
  ['twoLevel', (size) => ({ algorithm: 'twoLevel', hosts: twoHosts(size) })],
  ['with uneven ranges', (size, shards) => ({ ranges: unevenRanges(size, shards) })],
  [
    'halvingDoubling with uneven ranges',
    (size, shards) => ({ algorithm: 'halvingDoubling', ranges: unevenRanges(size, shards) }),
  ],
  ['in small segments', () => ({ segmentBytes: 16 })],
];

describe.each(forms)('%s', (_, form) => {
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
          const group = form(size, shards);
          for (const bits of await reduce({ size, shards, gradients, delays, group })) expect(bits).toEqual(expected);
        }),
        { numRuns: 15 },
      );
    });

    test.each([1, 2, 4])('in nodes of at most %d shards give the same bits', async (nodeLimit) => {
      const gradients = Array.from({ length: 9 }, (__, i) =>
        Array.from({ length: shards }, (___, s) => Math.fround(Math.sin(31 * i + s))),
      );
      const expected = bitsOf(Float32Array.from(gradients, (shard) => treeSum(shard, 0, shards)));
      for (const size of [1, 3, 4]) {
        const group = { ...form(size, shards), nodeLimit };
        for (const bits of await reduce({ size, shards, gradients, delays: [0], group }))
          expect(bits).toEqual(expected);
      }
      expect(nodesOf({ lo: 0, hi: shards }, shards, nodeLimit)).toHaveLength(shards / nodeLimit);
    });
  });
});

/** Values over one leaf per shard, brought together by the encoding's own rules: what every group must come to. */
function treeOf<T extends Reducible>(leaves: readonly T[], options: ReduceOptions): Uint8Array {
  const { op = 'sum', wire = 'f32', half = 'bf16' } = options;
  const dtype = leaves[0] instanceof Float32Array ? 'f32' : leaves[0] instanceof Int32Array ? 'i32' : half;
  const { encode, decode, combine, elements, bytes, divide } = encodingOf(dtype, op, wire);
  const encoded = leaves.map((leaf) => {
    const out = bytesOf(leaf).slice();
    if (!encode) return out;
    const shorter = new Uint8Array(Math.ceil(leaf.length / elements) * bytes);
    encode(shorter, out, leaf.length);
    return shorter;
  });
  const sum = (values: readonly Uint8Array[]): Uint8Array => {
    if (values.length === 1) return values[0]!;
    const [left, right] = [sum(values.slice(0, values.length / 2)), sum(values.slice(values.length / 2))];
    combine(left, left, right);
    return left;
  };
  const out = new Uint8Array(leaves[0]!.byteLength);
  if (decode) decode(out, sum(encoded), leaves[0]!.length);
  else out.set(sum(encoded));
  if (op === 'mean') divide(out, leaves.length);
  return out;
}
const bytesOf = (array: Reducible): Uint8Array => new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

const length = 1003;
const floats = (shard: number): Float32Array =>
  Float32Array.from({ length }, (_, i) => Math.sin(i * 7 + shard) * 10 ** (((i * 13 + shard) % 9) - 4));
const integers = (shard: number): Int32Array =>
  Int32Array.from({ length }, (_, i) => Math.imul(i + 1, 0x9e3779b1 + shard));
const halves = (shard: number): Uint16Array =>
  Uint16Array.from({ length }, (_, i) => Math.imul(i + 3, 40_503 + shard) & 0xbbff);

const reductions: [string, (shard: number) => Reducible, ReduceOptions][] = [
  ['mean of f32', floats, { op: 'mean' }],
  ['max of f32', floats, { op: 'max' }],
  ['sum of i32', integers, {}],
  ['min of i32', integers, { op: 'min' }],
  ['sum of bf16', halves, { half: 'bf16' }],
  ['mean of f16', halves, { op: 'mean', half: 'f16' }],
  ['sum of f32 as bf16', floats, { wire: 'bf16' }],
  ['mean of f32 as int8', floats, { op: 'mean', wire: 'int8' }],
  ['sum of f32 as int8', floats, { wire: 'int8' }],
];

// A node that a rank brings is itself made by the same rules, as a kernel makes it.
describe.each(reductions)('%s', (_, make, options) => {
  const shards = 8;
  const leaves = Array.from({ length: shards }, (__, shard) => make(shard));
  const expected = treeOf(leaves, options);
  const inner: ReduceOptions = { ...options, op: options.op === 'mean' ? 'sum' : (options.op ?? 'sum') };

  test.each(['direct', 'halvingDoubling', 'twoLevel'] as const)(
    'has the same bits over 1 to 8 workers, %s',
    async (algorithm) => {
      for (const size of [1, 2, 3, 4, 5, 8]) {
        const groups = memoryBridge(size).transports.map((transport) =>
          createGroup(transport, { shards, algorithm, hosts: twoHosts(size), segmentBytes: 999 }),
        );
        const results = await Promise.all(
          groups.map(async (group) => {
            const nodes = group.nodes.map(({ lo, hi }) => {
              const node = leaves[0]!.slice();
              bytesOf(node).set(treeOf(leaves.slice(lo, hi), inner));
              return node;
            });
            const out = leaves[0]!.slice();
            await group.allReduce(nodes, out, options);
            const grain = 32;
            const slice = sliceOf(leaves[0]!.slice(), group.rank, size, { grain });
            await group.reduceScatter(nodes, slice, { ...options, grain });
            const gathered = leaves[0]!.slice();
            await group.allGather(slice, gathered, { grain });
            return [out, gathered];
          }),
        );
        for (const result of results.flat()) expect(Buffer.from(bytesOf(result)).equals(expected)).toBe(true);
      }
    },
  );
});

test('without shards every rank is one leaf, for any number of ranks', async () => {
  for (const size of [1, 2, 3, 5, 6, 7]) {
    const results = await Promise.all(
      memoryBridge(size).transports.map(async (transport) => {
        const data = Float32Array.of(transport.rank, 0.1);
        await createGroup(transport).allReduce(data);
        return bitsOf(data);
      }),
    );
    for (const result of results) expect(result).toEqual(results[0]);
    expect(new Float32Array(Uint32Array.from(results[0]!).buffer)[0]).toBe((size * (size - 1)) / 2);
  }
});
