// Keys and values of the tokens so far, per layer: with them, one more token costs one token's work.
import { decodeAttention, type Device, type Tensor } from '@lockstep/tensor';
import type { Model } from './model.ts';

export interface KeyValueCache {
  readonly layers: readonly Tensor[]; // each (B, context, cacheWidth)
  /** Place of the token that is being computed; all sequences are at the same. */
  readonly position: Tensor; // (1) u32
}

/** Room for a whole context of `sequences` sequences. */
export function createCache(
  device: Device,
  model: Model,
  { sequences = 1 }: { sequences?: number } = {},
): KeyValueCache {
  const layers = Array.from({ length: model.layers }, () => device.empty([sequences, model.context, model.cacheWidth]));
  return { layers, position: device.tensor(Uint32Array.of(0)) };
}

/** Puts the token's keys and values in place, and lets its queries attend to all so far. */
export function cachedAttention(
  qkv: Tensor, // (B, 1, (H + 2·KV)·D)
  cache: KeyValueCache,
  layer: number,
  heads: { readonly heads: number; readonly kvHeads: number },
): Tensor /* (B, 1, C) */ {
  return decodeAttention(qkv, cache.layers[layer]!, cache.position, heads);
}
