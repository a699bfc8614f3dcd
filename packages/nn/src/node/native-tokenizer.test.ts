// Values that stand here were recorded from Hugging Face's library by itself, in its own process.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ConfigError } from '@lockstep/errors';
import type { TokenizerJSON } from '../tokenizers/tokenizer.ts';
import { nativeTokenizer } from './native-tokenizer.ts';

const base: TokenizerJSON = {
  added_tokens: [],
  normalizer: null,
  pre_tokenizer: null,
  post_processor: null,
  decoder: null,
};
const pairs: TokenizerJSON = { type: 'BPE', vocab: { a: 0, b: 1, ab: 2 }, merges: ['a b'] };
const letters = {
  type: 'Unigram',
  unk_id: 0,
  vocab: [
    ['<unk>', 0],
    ['a', -1],
    ['b', -2],
    ['ab', -2.5],
  ],
};

test('words that a WordLevel does not know become its unknown token, and accents split no word', async () => {
  const vocab = { '[UNK]': 0, café: 1, naïve: 2, the: 3 };
  const tokenizer = await nativeTokenizer({
    ...base,
    pre_tokenizer: { type: 'Whitespace' },
    truncation: { max_length: 2, strategy: 'LongestFirst', stride: 0, direction: 'Right' },
    model: { type: 'WordLevel', vocab, unk_token: '[UNK]' },
  });
  expect([...(await tokenizer.encode('the naïve café, Ahab'))]).toEqual([3, 2, 1, 0, 0]);
  expect(tokenizer.vocabSize).toBe(4);
  expect(await tokenizer.decode([3, 99, 2])).toBe('the\uFFFDnaïve');
  expect(await tokenizer.decode([])).toBe('');
});

test('a Unigram takes 150,000 letters without a space', async () => {
  const tokenizer = await nativeTokenizer({ ...base, model: letters });
  const ids = await tokenizer.encode('abba'.repeat(37_500));
  expect(ids.length).toBe(112_500);
  expect([...ids.subarray(0, 6)]).toEqual([3, 2, 1, 3, 2, 1]);
});

test('a character without a token stops with its place, and is dropped as the library drops it where that is asked for', async () => {
  const added = [
    { id: 3, content: '<s>', special: true, normalized: false, single_word: false, lstrip: false, rstrip: false },
  ];
  const tokenizer = await nativeTokenizer({ ...base, added_tokens: added, model: pairs });
  expect([...(await tokenizer.encode('ab<s>ba'))]).toEqual([2, 3, 1, 0]);
  await expect(tokenizer.encode('ab🐋鯨')).rejects.toMatchObject({ text: '🐋', index: 2 });
  await expect(tokenizer.encode('abé')).rejects.toThrow(
    'expected text that the tokenizer.json has tokens for, got "é" (U+00E9) at line 1, column 3',
  );
  expect([...(await tokenizer.encode('a☃b<s>🐋a', { unknown: 'drop' }))]).toEqual([2, 3, 0]);
});

test('a Unigram and a WordLevel without an unknown token name what they lack, too', async () => {
  const unigram = await nativeTokenizer({ ...base, model: { ...letters, unk_id: null } });
  await expect(unigram.encode('abxa')).rejects.toMatchObject({ text: 'x', index: 2 });
  expect([...(await unigram.encode('abxa', { unknown: 'drop' }))]).toEqual([3, 1]);
  const model = { type: 'WordLevel', vocab: { the: 0 }, unk_token: '[NONE]' };
  const words = await nativeTokenizer({ ...base, pre_tokenizer: { type: 'Whitespace' }, model });
  await expect(words.encode('the the whale')).rejects.toMatchObject({ text: 'whale', index: 8 });
});

test('a file on which the library aborts its process, or which it refuses, is an error of one line', async () => {
  const normalizer = { type: 'Precompiled', precompiled_charsmap: 'AAAA' };
  const aborting = nativeTokenizer({ ...base, normalizer, model: pairs });
  await expect(aborting).rejects.toThrow(
    /^huggingface: expected a tokenizer.json that the library takes, got "Precompiled: [^\n]*$/,
  );
  const refused = nativeTokenizer({ ...base, model: { ...pairs, merges: ['a c'] } });
  await expect(refused).rejects.toThrow(/got "Token `c` out of vocabulary[^\n]*$/);
  await expect(refused).rejects.toThrow(ConfigError);
});

test('a regular expression that never ends is given up, and the next text is tokenised', async () => {
  const pattern = { Regex: '(a+)+$' };
  const pre_tokenizer = { type: 'Split', pattern, behavior: 'Isolated', invert: false };
  const limits = { seconds: 2, secondsPerMillion: 0 };
  const tokenizer = await nativeTokenizer({ ...base, pre_tokenizer, model: pairs }, { limits, vocabSize: 3 });
  const endless = tokenizer.encode(`${'a'.repeat(21)}b`.repeat(20_000));
  const next = tokenizer.encode('aab');
  await expect(endless).rejects.toThrow('expected a tokenizer.json that answers within 2 s, got no answer');
  expect([...(await next)]).toEqual([0, 2]);
});

test('a text that takes more memory than it may is given up', async () => {
  const limits = { bytes: 2e8, bytesPerCharacter: 0 };
  const tokenizer = await nativeTokenizer({ ...base, model: letters }, { limits });
  await expect(tokenizer.encode('ab'.repeat(1_500_000))).rejects.toThrow(
    'does with 0.2 GiB of memory, got one that takes more',
  );
});

/** The processes that this one has started. Linux tells. */
const children = (): number[] =>
  readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);

test('a tokenizer whose process ends between two texts goes on with another', async () => {
  const others = children();
  const tokenizer = await nativeTokenizer({ ...base, model: pairs });
  const [first] = children().filter((pid) => !others.includes(pid));
  process.kill(first!, 'SIGKILL');
  await expect.poll(children).not.toContain(first);
  expect([...(await tokenizer.encode('aab'))]).toEqual([0, 2]);

  const [second] = children().filter((pid) => !others.includes(pid));
  process.kill(second!, 'SIGKILL');
  const atOnce = await tokenizer.encode('aab').catch((error: unknown) => error);
  if (!(atOnce instanceof Uint32Array)) expect(atOnce).toBeInstanceOf(ConfigError);
  expect([...(await tokenizer.encode('aab'))]).toEqual([0, 2]);
});
