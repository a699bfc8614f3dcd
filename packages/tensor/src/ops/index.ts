// Every op, one line each.
export * from './add.ts';
export * from './matmul.ts';
