// Whether a tensor can be bound as it lies, for kernels that see its elements one after the other.
import { alignment, type Memory } from '../device/memory.ts';
import { bytesPerElement } from '../dtype.ts';
import type { Tensor } from '../tensor.ts';
import { isDense } from './layout.ts';

const isAligned = ({ stored, dtype }: Tensor): boolean =>
  (stored!.layout.offset * bytesPerElement(dtype)) % alignment === 0;

/** Whether a kernel can see the elements of a tensor in memory one after the other. */
export function isBindableDense(tensor: Tensor): boolean {
  const { memory, layout } = tensor.stored!;
  const start = layout.offset * bytesPerElement(tensor.dtype);
  return isDense(layout, tensor.shape, tensor.shards) && isAligned(tensor) && isOneBuffer(memory, start, tensor);
}

/** Whether a tensor lies in one buffer, or is larger than one: of such whoever dispatches takes pieces. */
function isOneBuffer(memory: Memory, start: number, { byteLength }: Tensor): boolean {
  return byteLength > memory.partBytes || memory.isWhole(start, start + byteLength);
}
