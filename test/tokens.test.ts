// What Lockstep's tokens are held against: Hugging Face's own library.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  bpe,
  ConfigError,
  cutsOf,
  huggingface,
  type Tokenizer,
  type TokenizerJSON,
  trainBpe,
  UnknownTextError,
  WordCounts,
} from '@lockstep/nn';
import { Tokenizer as Reference } from 'tokenizers';
import { describe, expect, test } from 'vitest';
import { hasPlaces, pieces } from '../packages/trainer/src/data/pieces.ts';
import { hardTexts, tokenizerFiles, tokenizerJSON } from './fixtures/tokenizers.ts';

function reference(json: TokenizerJSON): Reference {
  return Reference.fromString(JSON.stringify(json));
}

async function idsOf(tokenizer: Reference, text: string): Promise<number[]> {
  return (await tokenizer.encode(text, null, { addSpecialTokens: false })).getIds();
}

/** A text of random parts of the hard ones, the same every time for a seed. */
function shuffled(seed: number, count: number): string {
  const parts = hardTexts.flatMap((text) => text.split(/(?<=[\s<>])/u));
  let state = seed;
  const next = (): number => (state = (state * 1103515245 + 12345) % 2147483648);
  return Array.from({ length: count }, () => parts[next() % parts.length]).join('');
}

describe('the JavaScript port', () => {
  const taken = [...tokenizerFiles].filter(([, json]) => {
    try {
      return Boolean(huggingface(json));
    } catch (error) {
      if (error instanceof ConfigError && error.message.includes('as the reference does, got')) return false;
      throw error;
    }
  });

  test('takes the tokenizers of GPT-2, GPT-4 and Llama 2, and those of words with Metaspace', () => {
    const names = taken.map(([name]) => name);
    expect(names).toEqual(
      expect.arrayContaining(['bytes on ByteLevel', "bytes on GPT-4's words", 'Llama 2', 'Unigram on Metaspace first']),
    );
    expect(names.some((name) => name.startsWith('WordLevel') || name.startsWith('WordPiece'))).toBe(false);
  });

  test.each(taken)('gives the tokens of the reference: %s', async (_, json) => {
    const [port, original] = [huggingface(json), reference(json)];
    for (const text of [...hardTexts, shuffled(1, 60), shuffled(2, 60)])
      expect([...(await port.encode(text))]).toEqual(await idsOf(original, text));
  });
});

describe('a text in pieces', () => {
  const files = [...tokenizerFiles].map(([name, json]) => ({ name, json, cuts: cutsOf(asTokenizer(json)) }));

  test('may be cut for most tokenizers, and for none whose words depend on what came long before', () => {
    const whole = files.filter(({ cuts }) => !hasPlaces(cuts)).map(({ name }) => name);
    expect(whole).toEqual(
      expect.arrayContaining(['BPE on FixedLength', 'BPE on UnicodeScripts', 'Unigram on nothing', 'BPE after Strip']),
    );
    expect(whole).not.toEqual(expect.arrayContaining(['bytes on ByteLevel']));
    expect(files.length - whole.length).toBeGreaterThan(40);
  });

  test.each(files.filter(({ cuts }) => hasPlaces(cuts)))(
    'gives the tokens of the whole: $name',
    async ({ json, cuts }) => {
      const original = reference(json);
      let count = 0;
      for (const seed of [1, 2, 3]) {
        const text = shuffled(seed, 300);
        const ids: number[] = [];
        for await (const { text: piece } of pieces([text], { cuts, length: 1 })) {
          ids.push(...(await idsOf(original, piece)));
          count++;
        }
        expect(ids).toEqual(await idsOf(original, text));
      }
      expect(count).toBeGreaterThan(3);
    },
  );
});

describe('a learned byte-pair encoding', () => {
  const empty = tokenizerJSON({
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
    model: { type: 'BPE', vocab: {}, merges: [] },
  });

  /** All merges that the reference finds. */
  function referenceMerges(text: string): string[] {
    const folder = mkdtempSync(join(tmpdir(), 'lockstep-bpe-'));
    try {
      const [from, to] = [join(folder, 'text'), join(folder, 'json')];
      writeFileSync(from, text);
      const tokenizer = reference(empty);
      tokenizer.train([from]);
      tokenizer.save(to);
      const { model } = JSON.parse(readFileSync(to, 'utf8')) as { model: { merges: [string, string][] } };
      return model.merges.map((pair) => pair.join(' '));
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  function learn(text: string, vocab: number): TokenizerJSON {
    const words = new WordCounts();
    for (let at = 0; at < text.length; at += 100) words.add(text.slice(at, at + 100));
    words.end();
    return trainBpe(words.counts, bpe({ vocab })).json;
  }

  const mergesOf = (json: TokenizerJSON): string[] => (json['model'] as { merges: string[] }).merges;

  test.each([
    ['prose', shuffled(5, 2000)],
    ['one letter over and over', 'aaaa aaaaaaa aaaaa aaa abab ababab\nabcabcabc  \n\n\n   x\n'.repeat(3)],
    ['tokens that come about in two ways', 'abc bcabc abcab cab ca bc ab abc xyxyxxyyxxy yxyxyx xxyy '.repeat(3)],
    ['many scripts', hardTexts.join('\n').repeat(3)],
  ])('has the merges of the reference, ties included: %s', (_, text) => {
    const merges = referenceMerges(text);
    const most = 256 + merges.length;
    expect(mergesOf(learn(text, most))).toEqual(merges);
    expect(mergesOf(learn(text, 256 + 10))).toEqual(merges.slice(0, 10));
    expect(() => learn(text, most + 1)).toThrow(`got one with ${merges.length}\nhint: vocab: ${most} is the most`);
  });

  test('is read and encoded alike by the reference', async () => {
    const json = learn(shuffled(5, 500), 300);
    const text = shuffled(6, 100);
    const ids = [...(await huggingface(json).encode(text))];
    expect(ids).toEqual(await idsOf(reference(json), text));
    expect(await huggingface(json).decode(ids)).toBe(text);
    expect(Math.max(...ids)).toBeGreaterThan(255);
  });
});

/** Enough of a tokenizer to ask where texts for it may be cut. */
function asTokenizer(json: TokenizerJSON): Tokenizer {
  const none = (): never => {
    throw new UnknownTextError({ rule: '', hint: '', text: '', index: 0, place: '' });
  };
  return {
    kind: 'huggingface',
    vocabSize: 0,
    fingerprint: '',
    config: {},
    encode: none,
    decode: none,
    toJSON: () => json,
  };
}
