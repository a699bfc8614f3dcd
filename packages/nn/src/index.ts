// The door of the package: models and their parameters, losses, optimizers, generation, tokenizers, safetensors.
export * from './create-model.ts';
export * from './errors.ts';
export * from './generator.ts';
export * from './loss.ts';
export { gpt, type GptDescription, type GptOptions } from './models/gpt.ts';
export { createCache, type KeyValueCache } from './models/key-value-cache.ts';
export { llama, type LlamaDescription, type LlamaOptions } from './models/llama.ts';
export * from './models/model.ts';
export * from './optimizers/index.ts';
export * from './parameters.ts';
export * from './safetensors.ts';
export * from './sampling.ts';
export { bytes } from './tokenizers/bytes.ts';
export { characters } from './tokenizers/characters.ts';
export * from './tokenizers/decode-stream.ts';
export { tokenizerFromJSON } from './tokenizers/from-json.ts';
export { huggingface } from './tokenizers/huggingface.ts';
export * from './tokenizers/tokenizer.ts';
