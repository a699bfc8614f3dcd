// Tensors larger than what an adapter binds at once, piece by piece.
import type { Dispatcher } from './dispatcher.ts';

/** A range of elements. */
export interface Piece {
  readonly start: number;
  readonly size: number;
}

/**
 * Cuts `size` elements of four bytes into as few pieces as the adapter can bind, all but the last a multiple of `grain`.
 * Most tensors are one piece.
 */
export function pieces(device: Pick<Dispatcher, 'limits'>, size: number, grain: number): Piece[] {
  const most = Math.floor(device.limits.maxStorageBufferBindingSize / (4 * grain)) * grain;
  return Array.from({ length: Math.ceil(size / most) }, (_, i) => ({
    start: i * most,
    size: Math.min(most, size - i * most),
  }));
}
