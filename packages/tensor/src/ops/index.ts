// Every op, one line each.
export * from './add.ts';
export * from './cross-entropy.ts';
export * from './dropout.ts';
export * from './embedding.ts';
export * from './gelu.ts';
export * from './layer-norm.ts';
export * from './linear.ts';
export * from './matmul.ts';
export * from './max.ts';
export * from './mean.ts';
export * from './packed-projection.ts';
export * from './rms-norm.ts';
export * from './scale.ts';
export * from './silu-mul.ts';
export * from './softmax.ts';
export * from './sum.ts';
