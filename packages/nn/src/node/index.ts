// The door for Node: what reads and writes files.
export * from './from-pretrained.ts';
export * from './make-folders.ts';
export { findWeights, type ModelWeights, readWeights, specsIn } from './model-weights.ts';
export * from './native-tokenizer.ts';
export * from './replace-file.ts';
export * from './safetensors.ts';
export type { TokenizerLimits } from './tokenizer-client.ts';
export * from './tokenizer.ts';
export * from './untrusted-file.ts';
export * from './unfinished.ts';
