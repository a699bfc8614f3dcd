// The prompt of a model that nobody gave one.
import { type Tokenizer, UnknownTextError } from '@lockstep/nn';

/** How many tokens are looked at for one to begin with. */
const most = 1000;

/** Whether the tokenizer has tokens for a prompt. */
export async function canPrompt(tokenizer: Tokenizer, prompt: string): Promise<boolean> {
  try {
    return (await tokenizer.encode(prompt)).length > 0;
  } catch (error) {
    if (error instanceof UnknownTextError) return false;
    throw error;
  }
}

/**
 * The first of the wished prompts that the tokenizer has tokens for, by default the beginning of a line; else the first word or
 * letter of its vocabulary, for a text without line ends.
 */
export async function promptFor(tokenizer: Tokenizer, wished: readonly string[] = ['\n']): Promise<string> {
  const first = await firstPossible(tokenizer, wished);
  if (first !== undefined) return first;
  const ids = Array.from({ length: Math.min(most, tokenizer.vocabSize) }, (_, id) => id);
  const words = await Promise.all(ids.map((id) => tokenizer.decode([id])));
  const visible = words.filter((word) => /^[\p{L}\p{N}]+$/u.test(word));
  return (await firstPossible(tokenizer, [...visible, ...words])) ?? '\n';
}

async function firstPossible(tokenizer: Tokenizer, prompts: readonly string[]): Promise<string | undefined> {
  for (const prompt of prompts) if (await canPrompt(tokenizer, prompt)) return prompt;
  return undefined;
}
