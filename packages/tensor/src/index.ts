// The door of the package: the device, tensors, and every op.
export * from './adapter-facts.ts';
export type { AxisOptions } from './axis.ts';
export * from './device.ts';
export * from './errors.ts';
export * from './euclidean-norm.ts';
export * from './nan-check.ts';
export * from './op.ts';
export * from './ops/index.ts';
export * from './philox.ts';
export * from './pieces.ts';
export * from './profile.ts';
export * from './program.ts';
export * from './rounds.ts';
export * from './shape.ts';
export * from './tensor.ts';
export * from './tree-sum.ts';
