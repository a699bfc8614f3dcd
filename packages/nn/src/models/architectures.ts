// The architectures that come with Lockstep. A new one is a file, its test, and a line here.
export { gpt, type GptSettings } from './gpt.ts';
export { llama, type LlamaSettings } from './llama.ts';
