// The two places that add shards, a kernel and the CPU, must give the same bits: a gradient is summed partly here, partly there.
import { encodingOf } from '@lockstep/collectives';
import { treeSum } from '@lockstep/tensor';
import { expect, test } from 'vitest';
import { device } from './gpu.ts';

/** Numbers of every magnitude, subnormals and both zeros among them: any bits but infinities and NaN. */
function anyFloats(count: number): Float32Array<ArrayBuffer> {
  const words = Uint32Array.from(
    { length: count },
    (_, i) => Math.imul(i + 1, 0x9e3779b1) ^ Math.imul(i + 7, 0x85ebca6b),
  );
  const special = [0, 0x80000000, 1, 0x80000001, 0x007fffff, 0x807fffff, 0x00800000, 0x80800000];
  return new Float32Array(words.map((word, i) => (i % 3 === 0 ? special[(i / 3) % 8]! : word & 0xbfffffff)).buffer);
}

const bytesOf = (array: Float32Array): Uint8Array => new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

function onCpu(leaves: readonly Float32Array[]): Float32Array {
  if (leaves.length === 1) return leaves[0]!.slice();
  const sum = onCpu(leaves.slice(0, leaves.length / 2));
  const other = onCpu(leaves.slice(leaves.length / 2));
  encodingOf('f32', 'sum', 'f32').combine(bytesOf(sum), bytesOf(sum), bytesOf(other));
  return sum;
}

test.each([1, 2, 4, 8, 16, 64])('a sum over %d shards has the same bits on GPU and CPU', async (shards) => {
  const size = 517;
  const values = anyFloats(shards * size);
  const y = device.empty([size]);
  treeSum(device, device.tensor(values, [shards, size]), y);
  const got = new Uint32Array((await y.read()).buffer);
  const leaves = Array.from({ length: shards }, (_, shard) => values.subarray(shard * size, (shard + 1) * size));
  expect(got).toEqual(new Uint32Array(onCpu(leaves).slice().buffer));
});
