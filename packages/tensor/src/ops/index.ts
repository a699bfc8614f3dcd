// Every op, one line each.
export * from './add.ts';
export * from './cross-entropy.ts';
export * from './embedding.ts';
export * from './gelu.ts';
export * from './layer-norm.ts';
export * from './linear.ts';
export * from './matmul.ts';
export * from './packed-projection.ts';
