// The two places that add shards, a kernel and the CPU, must give the same bits: a gradient is summed partly here, partly there.
import { createGroup, memoryBridge } from '@lockstep/collectives';
import { treeSum, type WireFormat } from '@lockstep/tensor';
import { describe, expect, test } from 'vitest';
import { device } from './gpu.ts';
import { referenceSum } from './reference-sum.ts';

const size = 517;
const shardCounts = [1, 2, 4, 8, 16, 64];
const wires: readonly WireFormat[] = ['f32', 'bf16', 'int8'];

/** Mixes an index into bits that look random. */
const mixed = (i: number): number => (Math.imul(i + 1, 0x9e3779b1) ^ Math.imul(i + 7, 0x85ebca6b)) >>> 0;
const floats = (words: Iterable<number>): Float32Array<ArrayBuffer> => new Float32Array(Uint32Array.from(words).buffer);

/** Numbers of every magnitude, subnormals and both zeros among them: any bits but infinities and NaN. */
function anyFloats(count: number): Float32Array<ArrayBuffer> {
  const special = [0, 0x80000000, 1, 0x80000001, 0x007fffff, 0x807fffff, 0x00800000, 0x80800000];
  return floats(Array.from({ length: count }, (_, i) => (i % 3 === 0 ? special[(i / 3) % 8]! : mixed(i) & 0xbfffffff)));
}

/** Numbers of neighbouring magnitudes, where rounding meets ties; `exponent` is that of the largest, plus 127. */
function near(count: number, exponent: number): Float32Array<ArrayBuffer> {
  const fewDigits = (i: number): number => (i % 2 === 0 ? 0x807f8000 : 0x807fffff);
  const exponentOf = (i: number): number => Math.max(0, exponent - (mixed(i * 3) % 9));
  return floats(Array.from({ length: count }, (_, i) => (mixed(i) & fewDigits(i)) | (exponentOf(i) << 23)));
}

/** Numbers about 1, and on some places of some leaves NaN of several kinds, infinities of both signs, and what overflows with another. */
function anythingWithin(count: number): Float32Array<ArrayBuffer> {
  const special = [0x7fc00000, 0xffc00000, 0x7f800001, 0xffffffff, 0x7f800000, 0xff800000, 0x7f7fffff];
  const words = new Uint32Array(near(count, 127).buffer);
  return floats(words.map((word, i) => (mixed(i * 5) % 61 === 0 ? special[mixed(i) % 7]! : word)));
}

const inputs: readonly (readonly [name: string, make: (count: number) => Float32Array<ArrayBuffer>])[] = [
  ['any numbers', anyFloats],
  ['numbers about 1', (count) => near(count, 127)],
  ['numbers that underflow', (count) => near(count, 4)],
  ['numbers that overflow', (count) => near(count, 254)],
  ['zeros', (count) => new Float32Array(count)],
  ['numbers with NaN and infinities among them', anythingWithin],
];

const bitsOf = (values: Float32Array): Uint32Array => new Uint32Array(values.slice().buffer);
/** The bits that NaN has in a sum. JavaScript gives it any. */
const withOneNaN = (values: Float32Array): Uint32Array =>
  bitsOf(values).map((bits) => ((bits & 0x7fffffff) > 0x7f800000 ? 0x7fc00000 : bits));

/** What workers make of leaves that they exchange. */
async function onCpu(leaves: readonly Float32Array[], wire: WireFormat): Promise<Float32Array> {
  const out = new Float32Array(size);
  const shards = leaves.length;
  const reductions = memoryBridge(Math.min(2, shards)).transports.map((transport) => {
    const group = createGroup(transport, { shards, nodeLimit: 1 });
    const nodes = group.nodes.map(({ lo }) => leaves[lo]!);
    return group.allReduce(nodes, transport.rank === 0 ? out : new Float32Array(size), { wire });
  });
  await Promise.all(reductions);
  return out;
}

/** The kernel's sum of as many elements as make fours: those are read at once. */
async function inFours(leaves: readonly Float32Array[], wire: WireFormat): Promise<Uint32Array> {
  const length = size - (size % 4);
  const values = new Float32Array(leaves.length * length);
  // By their bits: JavaScript may change those of NaN on the way.
  leaves.forEach((leaf, i) => new Uint32Array(values.buffer).set(bitsOf(leaf).subarray(0, length), i * length));
  const [x, y] = [device.tensor(values, [length], { shards: leaves.length }), device.empty([length])];
  treeSum(device, x, y, { wire });
  const bits = bitsOf(await y.read());
  for (const tensor of [x, y]) tensor.dispose();
  return bits;
}

describe.each(wires)('over %s', (wire) => {
  describe.each(inputs)('%s', (_name, make) => {
    test.each(shardCounts)('summed over %d shards have the same bits on GPU and CPU', async (shards) => {
      const values = make(shards * size);
      const [x, y] = [device.tensor(values, [size], { shards }), device.empty([size])];
      treeSum(device, x, y, { wire });
      const got = bitsOf(await y.read());
      const leaves = Array.from({ length: shards }, (_, shard) => values.subarray(shard * size, (shard + 1) * size));
      // A leaf alone is not a sum, and over f32 keeps its bits.
      const expected = shards === 1 && wire === 'f32' ? bitsOf(values) : withOneNaN(referenceSum(leaves, wire));
      expect(got).toEqual(expected);
      expect(bitsOf(await onCpu(leaves, wire))).toEqual(expected);
      for (const tensor of [x, y]) tensor.dispose();
      // In int8 the numbers of a block share a scale.
      if (wire !== 'int8') expect(await inFours(leaves, wire)).toEqual(expected.subarray(0, size - (size % 4)));
    });
  });

  test('what has been rounded is not changed by rounding it again', async () => {
    const x = device.tensor(anyFloats(size));
    const [once, twice] = [device.empty([size]), device.empty([size])];
    treeSum(device, x, once, { wire });
    treeSum(device, once, twice, { wire });
    expect(bitsOf(await twice.read())).toEqual(bitsOf(await once.read()));
    for (const tensor of [x, once, twice]) tensor.dispose();
  });
});
