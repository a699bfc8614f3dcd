// Models: what they are made of, those that come with Lockstep, and what stores them.
export * from './architectures.ts';
export * from './define-model.ts';
export { modelFromConfig } from './from-config.ts';
export * from './model.ts';
