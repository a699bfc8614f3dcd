// Every op, one line each.
export * from './add.ts';
export * from './gelu.ts';
export * from './layer-norm.ts';
export * from './matmul.ts';
