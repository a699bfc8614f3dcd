// The canonical sum over shards, on the device. The CPU's twin adds what workers exchange.
import { treeAdd, treeAddInt8, treeSum as kernel, treeSumInt8, treeSumVec4 } from '@lockstep/kernels';
import type { Dispatcher } from '../device/dispatcher.ts';
import { pieces } from '../device/pieces.ts';
import { roundsGrid } from '../device/rounds.ts';
import { shardRange } from '../ops/range.ts';
import type { Tensor } from '../tensor.ts';
import type { WireFormat } from '../wire-format.ts';

/** The most leaves that are folded in one pass. */
const mostLeaves = 8;
/** Elements that share a scale in int8. */
const int8Block = 32;
/** Elements at whose multiples tensors are cut: where they can be bound, and int8 has whole blocks. */
const grain = 64;

export interface TreeOptions {
  /** How every node of the tree is rounded, leaves included; f32 unless given. */
  readonly wire?: WireFormat;
}

/** y = the sum of `x` over its shards along the fixed binary tree; their number is a power of two. What serves all shards is one leaf. */
export function treeSum(
  device: Dispatcher,
  x: Tensor /* (…) of shards */,
  y: Tensor /* (…) */,
  { wire = 'f32' }: TreeOptions = {},
): void {
  device.effect('treeSum', {
    options: { wire },
    inputs: [x],
    writes: [y],
    sumsShards: wire === 'f32',
    dispatch: ([partials]) => sumNodes(device, partials!, y, wire),
  });
}

/** y = y + x: a node of the tree from its two halves. */
export function treeAddTo(device: Dispatcher, y: Tensor, x: Tensor, { wire = 'f32' }: TreeOptions = {}): void {
  for (const { start, size } of pieces(device, y.size, grain, [x, y])) {
    const bound = { x: device.view(x, start, [size]), y: device.view(y, start, [size]) };
    if (wire === 'int8') {
      const blocks = Math.ceil(size / int8Block);
      device.run(treeAddInt8, bound, { size, blocks }, device.grid(blocks / treeAddInt8.constants.lanes));
    } else {
      device.run(treeAdd, bound, { size }, roundsGrid(device, treeAdd, size), { bf16: wire === 'bf16' ? 1 : 0 });
    }
  }
}

function sumNodes(device: Dispatcher, x: Tensor, y: Tensor, wire: WireFormat): void {
  const { shards = 1 } = x;
  if (shards === 1) return roundLeaf(device, x, y, wire);
  const isInPieces = pieces(device, y.size, grain, [y]).length > 1;
  if (isInPieces || x.byteLength > device.limits.maxStorageBufferBindingSize) return sumHalves(device, x, y, wire);
  if (shards <= mostLeaves) return fold(device, { x, y, inner: y.size }, { leaves: shards, wire });
  const subtrees = device.empty(y.shape, 'f32', shards / mostLeaves);
  fold(device, { x, y: subtrees, inner: y.size }, { leaves: mostLeaves, wire });
  sumNodes(device, subtrees, y, wire);
}

/** A leaf by itself, in pieces. */
function roundLeaf(device: Dispatcher, x: Tensor, y: Tensor, wire: WireFormat): void {
  for (const { start, size } of pieces(device, y.size, grain, [x, y])) {
    const part = { x: device.view(x, start, [size]), y: device.view(y, start, [size]), inner: size };
    fold(device, part, { leaves: 1, wire });
  }
}

/** The two halves of the tree one after the other, where they cannot be bound together. */
function sumHalves(device: Dispatcher, x: Tensor, y: Tensor, wire: WireFormat): void {
  const half = x.shards! / 2;
  const right = device.empty(y.shape);
  sumNodes(device, shardRange(x, 0, half), y, wire);
  sumNodes(device, shardRange(x, half, half), right, wire);
  treeAddTo(device, y, right, { wire });
}

interface Fold {
  readonly leaves: number;
  readonly wire: WireFormat;
}

function fold(
  device: Dispatcher,
  {
    x,
    y,
    inner,
  }: { x: Tensor /* (inner) of outer · leaves shards */; y: Tensor /* (inner) of outer shards */; inner: number },
  { leaves, wire }: Fold,
): void {
  if (wire === 'int8') {
    const blocks = (y.count / inner) * Math.ceil(inner / int8Block);
    const grid = device.grid(blocks / treeSumInt8.constants.lanes);
    return device.run(treeSumInt8, { x, y }, { inner, blocks }, grid, { leaves });
  }
  const constants = { leaves, bf16: wire === 'bf16' ? 1 : 0 };
  if (inner % 4 > 0)
    return device.run(kernel, { x, y }, { size: y.count, inner }, roundsGrid(device, kernel, y.count), constants);
  const size = y.count / 4;
  device.run(treeSumVec4, { x, y }, { size, inner: inner / 4 }, roundsGrid(device, treeSumVec4, size), constants);
}
