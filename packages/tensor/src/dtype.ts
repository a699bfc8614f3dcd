// The types that elements have, on the device and on the host.
import { ShapeError } from '@lockstep/errors';

/** Types of elements: 32-bit numbers, or half floats where the adapter has `shader-f16`. */
export type DType = 'f32' | 'f16' | 'i32' | 'u32';

/** Host arrays: Float32Array for f32 and f16, Int32Array for i32, Uint32Array for u32. */
export type TypedArray = Float32Array | Uint32Array | Int32Array;

export const bytesPerElement = (dtype: DType): number => (dtype === 'f16' ? 2 : 4);

export const isFloat = (dtype: DType): boolean => dtype === 'f32' || dtype === 'f16';

/** The element type that holds a host array. */
export function dtypeOf(data: TypedArray): DType {
  if (data instanceof Float32Array) return 'f32';
  return data instanceof Int32Array ? 'i32' : 'u32';
}

/** The type in which two types meet: floats win over integers, f32 over f16, i32 over u32. */
export function promoted(a: DType, b: DType): DType {
  const order: readonly DType[] = ['u32', 'i32', 'f16', 'f32'];
  return order[Math.max(order.indexOf(a), order.indexOf(b))]!;
}

/** @throws {ShapeError} `op: expected name of u32, got f32` unless the type is one of those expected. */
export function expectDType(op: string, name: string, got: DType, ...expected: readonly DType[]): void {
  if (!expected.includes(got)) {
    const hint = expected.includes('u32')
      ? '\nhint: make the tensor from a Uint32Array, or use `cast`'
      : '\nhint: use `cast`';
    throw new ShapeError(`${op}: expected ${name} of ${expected.join(' or ')}, got ${got}${hint}`);
  }
}
