// Tensors out of the entries of a safetensors header, which has been checked: which can be read, and their numbers.
import { CheckpointError } from '@lockstep/errors';
import { quote } from './quote.ts';
import type { TensorEntry } from './safetensors-header.ts';
import { firstNonFinite } from './first-non-finite.ts';
import { isFloatDtype, toFloat32, type FloatDtype } from './to-float32.ts';

/** A tensor read from a file: `data` is f32 whatever `dtype` it was stored in, row-major. */
export interface StoredTensor {
  readonly dtype: FloatDtype;
  readonly shape: readonly number[];
  readonly data: Float32Array<ArrayBuffer>;
}

/** What happens to a tensor that is not F64, F32, F16 or BF16: an error that names it, or it is left out. */
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
  const got = /^\w{1,20}$/.test(dtype) ? dtype : quote(dtype);
  throw new CheckpointError(`${source}: expected F64, F32, F16 or BF16 for ${quote(name)}, got ${got}`);
}

/** Refuses a tensor that holds NaN, an infinity, or an F64 beyond the range of f32. @throws {CheckpointError} */
export function requireFinite(name: string, { dtype, shape, data }: StoredTensor, source: string): void {
  const index = firstNonFinite(data);
  if (index < 0) return;
  const at = `[${subscripts(index, shape).join(', ')}]`;
  const beyond = dtype === 'F64' ? ' as F32' : '';
  throw new CheckpointError(
    `${source}: expected finite numbers in ${quote(name)}, got ${data[index]}${beyond} at ${at}`,
  );
}

/** Where the element of a row-major tensor lies, one number per axis. */
function subscripts(index: number, shape: readonly number[]): number[] {
  let rest = index;
  return shape
    .toReversed()
    .map((length) => {
      const at = rest % length;
      rest = (rest - at) / length;
      return at;
    })
    .toReversed();
}
