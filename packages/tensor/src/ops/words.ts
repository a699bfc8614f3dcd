// For kernels that move elements of any type, or compute with several.
import { Tensor } from '../tensor.ts';

/** The bits of a tensor in memory, of a type of four bytes, as u32. */
export const words = ({ device, shape, shards, stored }: Tensor): Tensor =>
  new Tensor(device, { shape, dtype: 'u32', shards }, stored!);
