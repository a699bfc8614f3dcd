// Parts of tensors in memory, to read or to write.
import { Tensor } from '../tensor.ts';

/** A range of an axis. */
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

/** Some of a tensor's shards, of a tensor in memory. */
export function shardRange({ device, shape, dtype, stored }: Tensor, first: number, shards: number): Tensor {
  const { memory, layout } = stored!;
  const offset = layout.offset + first * layout.shard;
  return new Tensor(device, { shape, dtype, shards }, { memory, layout: { ...layout, offset } });
}
