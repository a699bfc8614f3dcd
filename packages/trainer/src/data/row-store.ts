// Rows that are kept, by their numbers: from a manifest and the bytes that it describes, wherever these lie.
import { CheckpointError } from '@lockstep/nn';
import type { ByteSource } from './chunks.ts';
import { elementsIn, type RowArray, widthOf } from './element-types.ts';
import { bytesOfRow, indexBytes, type KeptArray, type KeptPart, longestOf } from './rows-manifest.ts';

/** Random access to rows. */
export interface RowStore {
  readonly count: number;
  /** The arrays of a row, in the manifest's order. @throws {CheckpointError} for bytes that are not what was kept. */
  read(index: number): readonly RowArray[];
}

/** The rows of a part. Only the bytes of the rows that are asked for are read. */
export function openPart(bytes: ByteSource, arrays: readonly KeptArray[], { count, start, rows }: KeptPart): RowStore {
  if ('index' in rows)
    return { count, read: (index) => readRow(bytes, arrays, placeOf(bytes, arrays, { index, start, at: rows.index })) };
  const { lengths } = rows;
  const byteLength = bytesOfRow(arrays, lengths);
  return { count, read: (index) => readRow(bytes, arrays, { place: start + index * byteLength, lengths }) };
}

interface Place {
  readonly place: number;
  readonly lengths: readonly number[];
}

function placeOf(
  bytes: ByteSource,
  arrays: readonly KeptArray[],
  { index, start, at }: { index: number; start: number; at: number },
): Place {
  const width = indexBytes(arrays);
  const { buffer } = bytes.read(at + index * width, width);
  const [[place], lengths] = [new Float64Array(buffer, 0, 1), [...new Uint32Array(buffer, 8)]];
  const isSound =
    Number.isSafeInteger(place) &&
    place! >= start &&
    place! + bytesOfRow(arrays, lengths) <= at &&
    arrays.every((array, i) => lengths[i]! <= longestOf(array));
  if (!isSound)
    throw new CheckpointError(`data: expected a place for row ${index} in the index of its rows, got another`);
  return { place: place!, lengths };
}

function readRow(bytes: ByteSource, arrays: readonly KeptArray[], { place, lengths }: Place): RowArray[] {
  const { buffer } = bytes.read(place, bytesOfRow(arrays, lengths));
  let at = 0;
  return arrays.map(({ stored: type }, i) => {
    const array = elementsIn(buffer, { type, at, length: lengths[i]! });
    at += lengths[i]! * widthOf(type);
    return array;
  });
}
