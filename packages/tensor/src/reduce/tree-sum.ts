// The canonical sum over shards, on the device. The CPU's twin adds what workers exchange.
import { treeSum as kernel, treeSumInt8 } from '@lockstep/kernels';
import type { Dispatcher } from '../device/dispatcher.ts';
import { roundsGrid } from '../device/rounds.ts';
import type { Tensor } from '../tensor.ts';
import type { WireFormat } from '../wire-format.ts';

/** The most leaves that are folded in one pass. */
const mostLeaves = 8;
/** Elements that share a scale in int8. */
const int8Block = 32;

interface Fold {
  readonly leaves: number;
  readonly wire: WireFormat;
}

/** y = the sum of `x` over its shards along the fixed binary tree; their number is a power of two. What serves all shards is one leaf. */
export function treeSum(
  device: Dispatcher,
  x: Tensor /* (…) of shards */,
  y: Tensor /* (…) */,
  { wire = 'f32' }: { wire?: WireFormat } = {},
): void {
  const { shards = 1 } = x;
  const inner = y.size;
  if (shards <= mostLeaves) return fold(device, { x, y, inner }, { leaves: shards, wire });
  const subtrees = device.empty([inner], 'f32', shards / mostLeaves);
  fold(device, { x, y: subtrees, inner }, { leaves: mostLeaves, wire });
  treeSum(device, subtrees, y, { wire });
  device.release(subtrees);
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
  device.run(kernel, { x, y }, { size: y.count, inner }, roundsGrid(device, kernel, y.count), constants);
}
