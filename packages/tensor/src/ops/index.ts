// Every op.
export { capped, erf, gelu, type GeluOptions, relu, sigmoid, silu, softplus, tanh } from './activations.ts';
export { indices } from './along.ts';
export {
  abs,
  add,
  clamp,
  div,
  floor,
  lerp,
  maximum,
  minimum,
  mul,
  neg,
  round,
  rsqrt,
  sign,
  sqrt,
  square,
  sub,
} from './arithmetic.ts';
export * from './at.ts';
export * from './attention.ts';
export { broadcastTo, broadcastTo as expand } from './broadcast-to.ts';
export * from './cast.ts';
export * from './checkpoint.ts';
export * from './comparison.ts';
export * from './concat.ts';
export * from './convolution.ts';
export * from './creation.ts';
export * from './cross-entropy.ts';
export { cumsum, type CumsumOptions } from './cumsum.ts';
export * from './decode-attention.ts';
export * from './detach.ts';
export * from './dropout.ts';
export * from './einsum.ts';
export * from './embedding.ts';
export * from './exponential.ts';
export * from './flip.ts';
export * from './full.ts';
export * from './gather.ts';
export * from './group-norm.ts';
export * from './layer-norm.ts';
export * from './linear.ts';
export * from './log-softmax.ts';
export * from './logic.ts';
export * from './losses.ts';
export * from './matmul.ts';
export * from './max.ts';
export * from './one-hot.ts';
export * from './packed-projection.ts';
export * from './permute.ts';
export * from './pool.ts';
export * from './random.ts';
export { shardRange } from './range.ts';
export * from './repeat.ts';
export * from './reshape.ts';
export * from './rms-norm.ts';
export * from './rotary.ts';
export { siluMul } from './silu-mul.ts';
export * from './slice.ts';
export * from './softmax.ts';
export * from './sort.ts';
export * from './split.ts';
export * from './squeeze.ts';
export * from './statistics.ts';
export * from './sum.ts';
export * from './triangle.ts';
export * from './where.ts';
export { meanOf, partsOfMean, type WeightedMean, weightedMean } from './weighted-mean.ts';
export type { Padding, Pair, WindowOptions } from './window.ts';
