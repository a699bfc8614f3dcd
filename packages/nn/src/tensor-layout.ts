// How tensors that are to be stored lie in a safetensors file: F32, one behind the other, in the order of their names.
import { CheckpointError } from '@lockstep/errors';
import { quote } from './quote.ts';
import { elementsOf, type SafetensorsHeader, type TensorEntry } from './safetensors-header.ts';

/** A tensor to be stored: row-major f32. */
export interface TensorToStore<Data = Float32Array> {
  readonly shape: readonly number[];
  readonly data: Data;
}

/** Names in the order of their code units, each once: the order in which tensors lie in a file. */
export function sortByName<T>(tensors: Iterable<readonly [string, T]>, source: string): (readonly [string, T])[] {
  const sorted = [...tensors].sort(([a], [b]) => (a < b ? -1 : Number(a > b)));
  const repeated = sorted.find(([name], i) => i > 0 && sorted[i - 1]![0] === name);
  if (repeated) throw new CheckpointError(`${source}: expected every name once, got ${quote(repeated[0])} twice`);
  return sorted;
}

/** The header of F32 tensors that lie one behind the other in the order given. */
export function headerOf(
  tensors: readonly (readonly [string, Pick<TensorToStore, 'shape'>])[],
  metadata: Readonly<Record<string, string>>,
  source: string,
): SafetensorsHeader {
  let end = 0;
  const entries = tensors.map(([name, { shape }]) => {
    const begin = end;
    end += 4 * elementsOf(shape, name, source);
    return { name, dtype: 'F32', shape, begin, end };
  });
  return { metadata, entries };
}

/** The bytes of `data`, which must fill its entry exactly. */
export function bytesOf(
  data: Float32Array,
  { begin, end, shape }: TensorEntry,
  name: string,
  source: string,
): Uint8Array {
  if (data.byteLength !== end - begin) {
    throw new CheckpointError(
      `${source}: expected ${(end - begin) / 4} numbers for ${quote(name)} [${shape.join(', ')}], got ${data.length}`,
    );
  }
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
