import { adamW, bpe, bytes, characters, defineLoss, gpt, nextToken, type Tokenizer } from '@lockstep/nn';
import { mean } from '@lockstep/tensor';
import { expect, test } from 'vitest';
import { textFromString } from './data/prepare-text.ts';
import { text } from './data/text.ts';
import { tokensPerCharacter } from './per-character.ts';
import { defineRun } from './run/define-run.ts';
import { constant } from './schedule.ts';

const words = 'naïve whales, naïve ships. '.repeat(100);

function ratioOf(tokenizer: ReturnType<typeof bpe> | Tokenizer | undefined, loss = nextToken()) {
  const run = defineRun({
    name: 'ratio',
    model: gpt({ layers: 1, heads: 1, width: 8, context: 9 }),
    data: text('words.txt'),
    loss,
    optimizer: adamW(),
    schedule: constant(),
    batch: 3,
    shards: 1,
    steps: 1,
    validation: { batches: 9 },
  });
  return textFromString(words, { ...(tokenizer && { tokenizer }), validation: 0.1 }).then((dataset) =>
    tokensPerCharacter(run, dataset.batches(run.model), dataset.tokenizer),
  );
}

test('a byte is less than a character, and a learned piece is more', async () => {
  expect(await ratioOf(bytes())).toBeCloseTo(29 / 27, 2); // two of 27 characters have two bytes
  expect(await ratioOf(bpe({ vocab: 270 }))).toBeLessThan(0.5);
});

test('a character needs no other figure, nor does a loss that is no mean over tokens', async () => {
  expect(await ratioOf(characters(words))).toBeUndefined();
  const other = defineLoss((model, inputs) => ({ loss: mean(model.logits(inputs)) }))();
  expect(await ratioOf(bytes(), other)).toBeUndefined();
});
