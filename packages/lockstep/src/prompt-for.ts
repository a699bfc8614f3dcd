// The prompt of a model that nobody gave one.
import type { Tokenizer } from '@lockstep/nn';

/** How many tokens are looked at for one to begin with. */
const most = 1000;

/** Whether the tokenizer has tokens for a prompt. */
export function canPrompt(tokenizer: Tokenizer, prompt: string): boolean {
  try {
    return tokenizer.encode(prompt).length > 0;
  } catch {
    return false;
  }
}

/**
 * The first of the wished prompts that the tokenizer has tokens for, by default the beginning of a line; else the first word or
 * letter of its vocabulary, for a text without line ends.
 */
export function promptFor(tokenizer: Tokenizer, wished: readonly string[] = ['\n']): string {
  const first = wished.find((prompt) => canPrompt(tokenizer, prompt));
  if (first !== undefined) return first;
  const words = Array.from({ length: Math.min(most, tokenizer.vocabSize) }, (_, id) => tokenizer.decode([id]));
  const visible = words.filter((word) => /^[\p{L}\p{N}]+$/u.test(word));
  return [...visible, ...words].find((prompt) => canPrompt(tokenizer, prompt)) ?? '\n';
}
