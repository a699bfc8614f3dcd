// Tensors larger than what an adapter binds at once, or than a buffer may be, piece by piece.
import { bytesPerElement } from '../dtype.ts';
import type { Tensor } from '../tensor.ts';
import type { Dispatcher } from './dispatcher.ts';

/** A range of elements. */
export interface Piece {
  readonly start: number;
  readonly size: number;
}

/**
 * Cuts `size` elements of four bytes into as few pieces as the adapter can bind, all but the last a multiple of `grain`.
 * Most tensors are one piece.
 * @param tensors in memory, of as many elements: a piece lies in one buffer of each, where their buffers end at multiples of `grain`
 */
export function pieces(
  device: Pick<Dispatcher, 'limits'>,
  size: number,
  grain: number,
  tensors: readonly Tensor[] = [],
): Piece[] {
  const most = Math.floor(device.limits.maxStorageBufferBindingSize / (4 * grain)) * grain;
  const ends = new Set([size, ...tensors.flatMap((tensor) => bufferEnds(tensor))]);
  const found: Piece[] = [];
  let start = 0;
  for (const end of [...ends]
    .filter((one) => one > 0 && one <= size && (one === size || one % grain === 0))
    .toSorted((a, b) => a - b)) {
    for (; start < end; start += most) found.push({ start, size: Math.min(most, end - start) });
    start = end;
  }
  return found;
}

/** Where the buffers of a tensor end, in elements from its first. */
function bufferEnds({ stored, dtype, count }: Tensor): number[] {
  const { memory, layout } = stored!;
  const perPart = memory.partBytes / bytesPerElement(dtype);
  const parts = Math.floor((layout.offset + count) / perPart);
  return Array.from({ length: parts }, (_, part) => (part + 1) * perPart - layout.offset);
}

/** Some rows of several tensors at once. */
export interface RowPiece {
  readonly start: number;
  readonly rows: number;
  /** The rows' part of a tensor that holds as many elements for each row. */
  readonly part: (tensor: Tensor) => Tensor;
}

/** Elements between places where a tensor can be bound. */
const boundEvery = 64;

/** The fewest rows after which every tensor can be bound again. */
function rowGrainOf(widths: readonly number[]): number {
  const grains = widths.map((width) => boundEvery / greatestCommonDivisor(boundEvery, width));
  return Math.max(1, ...grains);
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

/**
 * The rows of tensors in pieces that the adapter can bind; one piece for most, none where there is no row.
 * @param rows of all shards
 * @param tensors in memory, each with as many elements for every row
 */
export function rowPieces(
  device: Pick<Dispatcher, 'limits' | 'view'>,
  rows: number,
  tensors: readonly Tensor[],
): RowPiece[] {
  if (rows === 0) return [];
  const widths = tensors.map((tensor) => tensor.count / rows);
  const widest = Math.max(1, ...widths);
  const rowGrain = rowGrainOf(widths);
  const ends = tensors.flatMap((tensor, i) => bufferEnds(tensor).map((end) => end / widths[i]!));
  const bound = ends.filter((end) => Number.isInteger(end) && end % rowGrain === 0 && end > 0 && end < rows);
  const most = Math.max(
    rowGrain,
    Math.floor(device.limits.maxStorageBufferBindingSize / (4 * widest * rowGrain)) * rowGrain,
  );
  const found: RowPiece[] = [];
  let start = 0;
  for (const end of [...new Set([...bound, rows])].toSorted((a, b) => a - b)) {
    for (; start < end; start += most)
      found.push(rowPiece(device, rows, { start, count: Math.min(most, end - start) }));
    start = end;
  }
  return found;
}

function rowPiece(
  device: Pick<Dispatcher, 'view'>,
  rows: number,
  { start, count }: { start: number; count: number },
): RowPiece {
  const part = (tensor: Tensor): Tensor => {
    if (count === rows) return tensor;
    const width = tensor.count / rows;
    return device.view(tensor, start * width, [count * width]);
  };
  return { start, rows: count, part };
}
