import { bytes, characters, huggingface, type Tokenizer } from '@lockstep/nn';
import { expect, test } from 'vitest';
import { tokenize, tokenizerFor, type Corpus } from './tokenize.ts';

const chunkCount = 20;
const chunk = new TextEncoder().encode('Call me Ishmael. '.repeat(600)); // 10 kB

const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };
const wordByWord = { ...bytes().toJSON(), pre_tokenizer: byteLevel };

/** A text of 200 kB, and how much of it has been taken. */
function countingCorpus(): { corpus: Corpus; taken: () => number } {
  let taken = 0;
  function* chunks(): Generator<Uint8Array> {
    for (taken = 1; taken <= chunkCount; taken++) yield chunk;
  }
  return { corpus: { name: 'a test', chunks }, taken: () => Math.min(taken, chunkCount) * chunk.length };
}

test.each<[string, Tokenizer]>([
  ['characters', characters('Call me Ishmael. ')],
  ['bytes', bytes()],
  ['a tokenizer.json', huggingface(wordByWord)],
])('ids of %s come while the text is read, so its length costs no memory', async (_, tokenizer) => {
  const { corpus, taken } = countingCorpus();
  let ids = 0;
  for await (const part of tokenize(corpus, tokenizer)) {
    ids += part.length;
    expect(taken() - ids).toBeLessThanOrEqual(150_000);
  }
  expect(ids).toBe(chunkCount * chunk.length);
});

test('characters are gathered from the whole text, bytes need none of it', async () => {
  const load = (): Promise<Tokenizer> => Promise.reject(new Error('not asked for'));
  const corpus: Corpus = {
    name: 'a test',
    chunks: () => ['ab', 'é', 'b'].map((part) => new TextEncoder().encode(part)),
  };
  const gathered = await tokenizerFor('characters', { corpus, load, open: load, validation: 0 });
  expect(await gathered.decode([0, 1, 2])).toBe('abé');
  const unread: Corpus = { name: 'a test', chunks: () => expect.fail('was read') };
  expect((await tokenizerFor('bytes', { corpus: unread, load, open: load, validation: 0 })).vocabSize).toBe(256);
});
