// Sums of all elements so far.
import { scan, scanAdd } from '@lockstep/kernels';
import { defineOp, type Op } from '../autograd/op.ts';
import type { Dispatcher } from '../device/dispatcher.ts';
import { rowPieces } from '../device/pieces.ts';
import { roundsGrid } from '../device/rounds.ts';
import { columnsOf, expectShape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { cast } from './cast.ts';
import { alongLast } from './move-axis.ts';
import { words } from './words.ts';

export interface CumsumOptions {
  /** The last unless given; below 0 it counts from the last. */
  readonly axis?: number;
  /** Adds from the last element to the first. */
  readonly reverse?: boolean;
  /** Without the element itself: the first sum is 0. */
  readonly exclusive?: boolean;
}

/**
 * The sums of `x` along an axis up to each element, of f32 (f16 is added up in it), i32 or u32. Elements are added in blocks of 2,048, so that
 * errors grow slowly; in which order depends on the axis's length alone. @throws {ShapeError}
 */
export function cumsum(x: Tensor, { axis = -1, ...options }: CumsumOptions = {}): Tensor {
  expectShape(x.shape.length > 0, 'cumsum', 'an axis', x.shape);
  if (x.dtype === 'f16') return cast(cumsum(cast(x, 'f32'), { axis, ...options }), 'f16');
  return alongLast('cumsum', { axis, inputs: [x] }, ([rows]) => alongRows(rows!, options));
}

type RowOptions = Omit<CumsumOptions, 'axis'>;

const alongRows: Op<[x: Tensor], RowOptions> = defineOp({
  name: 'cumsum',
  shards: 'together',
  shape: ([x]) => x,
  forward: (device, [x], y, options) => dispatchScan(device, x, y, options),
  reads: [],
  gradient: ({ dy }, { reverse = false, exclusive = false }) => [alongRows(dy, { reverse: !reverse, exclusive })],
});

/** Elements of a block. */
const blockLength = scan.constants.lanes * scan.constants.each;

/** Writes to `y` the sums along the last axis of `x`, rows of all shards. */
export function dispatchScan(device: Dispatcher, x: Tensor, y: Tensor, options: RowOptions = {}): void {
  const length = columnsOf(x.shape);
  if (x.count === 0) return;
  for (const { rows, part } of rowPieces(device, x.count / length, [x, y]))
    scanRows(device, words(part(x)), words(part(y)), { rows, length, floats: x.dtype === 'f32', ...options });
}

interface RowScan extends RowOptions {
  readonly rows: number;
  readonly length: number;
  readonly floats: boolean;
}

function scanRows(
  device: Dispatcher,
  x: Tensor,
  y: Tensor,
  { rows, length, floats, reverse = false, exclusive = false }: RowScan,
): void {
  const blocks = Math.ceil(length / blockLength);
  const totals = device.empty([rows, blocks], 'u32');
  const division = device.facts.isCpu ? { lanes: 8, each: blockLength / 8 } : {}; // fewer lanes to wait for one another
  const constants = { floats: Number(floats), reverse: Number(reverse) };
  device.run(scan, { x, y, totals }, { rows, length, blocks }, device.grid(rows * blocks), {
    ...constants,
    ...division,
    exclusive: Number(exclusive),
  });
  if (blocks === 1) return;
  const before = device.empty([rows, blocks], 'u32');
  scanRows(device, totals, before, { rows, length: blocks, floats, exclusive: true });
  const size = rows * length;
  device.run(scanAdd, { before, y }, { size, length, blocks }, roundsGrid(device, scanAdd, size), {
    ...constants,
    block_length: blockLength,
  });
}
