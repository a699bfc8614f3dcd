// Tensors out of the entries of a safetensors header, which has been checked: which can be read, and their numbers.
import { CheckpointError } from './errors.ts';
import { quote, type TensorEntry } from './safetensors-header.ts';
import { isFloatDtype, toFloat32, type FloatDtype } from './to-float32.ts';

/** A tensor read from a file: `data` is f32 whatever `dtype` it was stored in, row-major. */
export interface StoredTensor {
  readonly dtype: FloatDtype;
  readonly shape: readonly number[];
  readonly data: Float32Array<ArrayBuffer>;
}

/** What happens to a tensor that is not F32, F16 or BF16: an error that names it, or it is left out. */
export interface DecodeOptions {
  readonly unsupported?: 'error' | 'skip';
}

/** The entries that can be read as f32; what happens to the others is the caller's choice. */
export function selectReadable(
  entries: readonly TensorEntry[],
  { unsupported = 'error', source }: DecodeOptions & { source: string },
): TensorEntry[] {
  if (unsupported === 'error') for (const entry of entries) dtypeOf(entry, source);
  return entries.filter(({ dtype }) => isFloatDtype(dtype));
}

/** One tensor from the bytes that its entry covers. */
export function decodeTensor(entry: TensorEntry, bytes: Uint8Array, source: string): StoredTensor {
  const dtype = dtypeOf(entry, source);
  return { dtype, shape: entry.shape, data: toFloat32(bytes, dtype) };
}

function dtypeOf({ name, dtype }: TensorEntry, source: string): FloatDtype {
  if (isFloatDtype(dtype)) return dtype;
  throw new CheckpointError(`${source}: expected F32, F16 or BF16 for ${quote(name)}, got ${dtype.slice(0, 20)}`);
}
