// Where the elements of rows are in order: short rows by counting, long ones by radix.
import { sortCount, sortKeys, sortRanks, sortScatter } from '@lockstep/kernels';
import { defineOp, type Op } from '../autograd/op.ts';
import type { Dispatcher } from '../device/dispatcher.ts';
import { rowPieces } from '../device/pieces.ts';
import { roundsGrid } from '../device/rounds.ts';
import type { DType } from '../dtype.ts';
import { columnsOf } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { dispatchScan } from './cumsum.ts';
import { words } from './words.ts';

/** The places of each row's elements in order. */
export const sortedPlaces: Op<[x: Tensor], { readonly descending: boolean }> = defineOp({
  name: 'sort',
  shards: 'together',
  shape: ([x]) => x,
  dtype: () => 'u32',
  forward: (device, [x], y, { descending }) => dispatchSort(device, x, y, { descending }),
});

/** Rows up to this length are sorted by counting for each element those before it. */
const longestByRanks = 256;
const bitsOfDigit = 4;

/** Writes to `y` the places of the elements of each row of `x` in order, rows of all shards. */
export function dispatchSort(
  device: Dispatcher,
  x: Tensor,
  y: Tensor,
  { descending = false }: { descending?: boolean } = {},
): void {
  const length = columnsOf(x.shape);
  if (x.count === 0) return;
  const constants = { kind: kindOf(x.dtype), descending: Number(descending) };
  for (const { rows, part } of rowPieces(device, x.count / length, [x, y])) {
    const piece = { x: words(part(x)), places: part(y) };
    const size = rows * length;
    if (length > longestByRanks) sortByRadix(device, piece, { rows, length, constants });
    else device.run(sortRanks, piece, { size, length }, roundsGrid(device, sortRanks, size), constants);
  }
}

const kindOf = (dtype: DType): number => ['f32', 'i32', 'u32'].indexOf(dtype);

function sortByRadix(
  device: Dispatcher,
  { x, places: y }: { x: Tensor; places: Tensor },
  {
    rows,
    length,
    constants,
  }: { readonly rows: number; readonly length: number; readonly constants: { kind: number; descending: number } },
): void {
  const blocks = Math.ceil(length / (sortCount.constants.lanes * sortCount.constants.each));
  const size = rows * length;
  const own = (): Tensor => device.empty([rows, length], 'u32');
  // Rounds go to and fro between two pairs of buffers; an even number of them ends where the first began.
  const [first, second] = [
    { keys: own(), places: y },
    { keys: own(), places: own() },
  ] as const;
  device.run(sortKeys, { x, ...first }, { size, length }, roundsGrid(device, sortKeys, size), constants);
  const counts = device.empty([rows, 16 * blocks], 'u32');
  const starts = device.empty([rows, 16 * blocks], 'u32');
  for (let shift = 0; shift < 32; shift += bitsOfDigit) {
    const [from, to] = (shift / bitsOfDigit) % 2 === 0 ? [first, second] : [second, first];
    const params = { rows, length, blocks, shift };
    const groups = device.grid(rows * blocks);
    device.run(sortCount, { keys: from.keys, counts }, params, groups);
    dispatchScan(device, counts, starts, { exclusive: true });
    const sorted = { sorted_keys: to.keys, sorted_places: to.places };
    device.run(sortScatter, { ...from, starts, ...sorted }, params, groups);
  }
}
