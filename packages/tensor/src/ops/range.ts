// A range of an axis of a tensor in memory, to write to.
import { Tensor } from '../tensor.ts';

export function range(tensor: Tensor, axis: number, { start, length }: { start: number; length: number }): Tensor {
  const { device, shape, dtype, shards, stored } = tensor;
  const { memory, layout } = stored!;
  const offset = layout.offset + start * layout.strides[axis]!;
  return new Tensor(
    device,
    { shape: shape.with(axis, length), dtype, shards },
    { memory, layout: { ...layout, offset } },
  );
}
