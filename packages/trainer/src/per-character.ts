// A loss per token says little where a token is a piece of a word: what it is per character compares with any other tokenizer's.
import { definitionOf, type LossDefinition, type Tokenizer } from '@lockstep/nn';
import type { Batches } from './data/dataset.ts';
import type { Run } from './run/run.ts';
import { validationBatch } from './batch-source.ts';

/** What it is called beside a validation's loss. */
export const perCharacter = 'lossPerCharacter';

/**
 * Tokens for each character of what a run validates on.
 * @returns nothing where a token is a character, or the loss is no mean over tokens
 */
export async function tokensPerCharacter(
  run: Run,
  batches: Batches,
  tokenizer: Tokenizer | undefined,
): Promise<number | undefined> {
  const isOfTokens = definitionOf<LossDefinition>(run.loss).of === 'targets' && 'targets' in batches.inputs;
  if (!tokenizer || tokenizer.kind === 'characters' || !isOfTokens || batches.validationRows === 0) return undefined;
  let [tokens, characters] = [0, 0];
  for (let index = 0; index < run.validation.batches; index++) {
    const { targets } = validationBatch(run, batches, index)({ lo: 0, hi: run.shards });
    const text = await tokenizer.decode([...(targets as Uint32Array)]);
    tokens += targets!.length;
    characters += Array.from(text).length;
  }
  return characters > 0 ? tokens / characters : undefined;
}
