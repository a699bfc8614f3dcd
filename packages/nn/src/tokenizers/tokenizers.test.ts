import { describe, expect, test } from 'vitest';
import { ConfigError } from '../errors.ts';
import { bytes } from './bytes.ts';
import { characters } from './characters.ts';
import { decodeStream } from './decode-stream.ts';
import { tokenizerFromJSON } from './from-json.ts';
import { huggingface } from './huggingface.ts';
import type { TokenizerJSON } from './tokenizer.ts';

// Every code point of up to two bytes is in it, and so is every byte of such sequences.
const twoBytes = Array.from({ length: 0x7ff }, (_, i) => String.fromCodePoint(i + 1)).join('');
const sample = `Ishmael — “call me” naïve 鯨 🐋\n\tthe end\r\n${twoBytes}`;

interface ModelJSON {
  vocab: Record<string, number>;
  merges: string[];
}

/** A byte-level tokenizer with two merges and an end-of-text token, as GPT-2's. */
function byteLevelWithMerges(): TokenizerJSON {
  const json = structuredClone(bytes().toJSON()) as Record<string, unknown> & { model: ModelJSON };
  json.model.merges = ['t h', 'th e'];
  Object.assign(json.model.vocab, { th: 256, the: 257, '<|endoftext|>': 258 });
  // What BERT and Llama do to a text, and what must not be done to a piece of a corpus.
  json['post_processor'] = {
    type: 'TemplateProcessing',
    single: [{ SpecialToken: { id: '<|endoftext|>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
    pair: [],
    special_tokens: {},
  };
  json['added_tokens'] = [{ id: 258, content: '<|endoftext|>', special: true, normalized: false }];
  return json;
}

/** A word-start tokenizer as SentencePiece makes them: the first word loses its space again. */
function metaspace(): TokenizerJSON {
  const json = structuredClone(characters('▁abc').toJSON()) as Record<string, unknown> & { model: ModelJSON };
  json['pre_tokenizer'] = { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: true };
  json['decoder'] = { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: true };
  json.model.merges = ['▁ a'];
  json.model.vocab['▁a'] = 4;
  return json;
}

describe('characters', () => {
  test('numbers the code points of a text in ascending order, whatever order they come in', () => {
    const tokenizer = characters('cab🐋ca');
    expect(tokenizer.vocabSize).toBe(4);
    expect([...tokenizer.encode('abc🐋')]).toEqual([0, 1, 2, 3]);
    expect(tokenizer.fingerprint).toBe(characters('🐋abc').fingerprint);
    expect(tokenizer.fingerprint).not.toBe(characters('abc').fingerprint);
  });

  test('decodes what it encoded, lone surrogates included', () => {
    for (const text of [sample, 'a\ud800b', ''])
      expect(characters(sample + text).decode(characters(sample + text).encode(text))).toBe(text);
  });

  test('names a character that it does not know', () => {
    expect(() => characters('abc').encode('abé')).toThrow(ConfigError);
    expect(() => characters('abc').encode('abé')).toThrow(
      'expected the 3 characters of the vocabulary, got "é" (U+00E9)',
    );
    expect(() => characters('abc').encode('ab鯨')).toThrow('U+9BE8');
    expect(() => characters('ac').encode('b')).toThrow('U+0062');
  });

  test('needs at least one character, and decodes ids beyond its vocabulary as U+FFFD', () => {
    expect(() => characters('')).toThrow(ConfigError);
    expect(characters('ab').decode([0, 2, 1])).toBe('a\uFFFDb');
  });
});

describe('bytes', () => {
  test('ids are the bytes of UTF-8, a byte order mark among them', () => {
    expect([...bytes().encode('é\n')]).toEqual([0xc3, 0xa9, 10]);
    for (const text of [sample, '\uFEFFabc', '']) expect(bytes().decode(bytes().encode(text))).toBe(text);
  });

  test('broken sequences and ids beyond 255 decode as U+FFFD', () => {
    expect(bytes().decode([65, 0xe2, 0x82, 66, 256 + 65])).toBe('A\uFFFDB\uFFFD');
  });
});

describe('huggingface', () => {
  test('follows the merges and added tokens of tokenizer.json, and adds none of its own', () => {
    const tokenizer = huggingface(byteLevelWithMerges());
    expect([...tokenizer.encode('the th<|endoftext|>')]).toEqual([257, 32, 256, 258]);
    expect(tokenizer.vocabSize).toBe(259);
    expect(tokenizer.decode([257, 32, 256, 258])).toBe('the th<|endoftext|>');
    expect(tokenizer.decode(tokenizer.encode(sample))).toBe(sample);
  });

  test('decodes nothing as nothing, and an unknown id as U+FFFD', () => {
    const tokenizer = huggingface(byteLevelWithMerges());
    expect(tokenizer.decode([])).toBe('');
    expect(tokenizer.decode([257, 999, 257])).toBe('the\uFFFDthe');
  });

  test('what no token can express, and what is no tokenizer.json, are ConfigErrors', () => {
    expect(() => huggingface({ hello: 1 })).toThrow(ConfigError);
    expect(() => huggingface(null)).toThrow(ConfigError);
    expect(() => tokenizerFromJSON({})).toThrow(ConfigError);
    expect(() => tokenizerFromJSON(null)).toThrow(ConfigError);
  });

  test('the fingerprint follows content and configuration', () => {
    const [a, b] = [huggingface(byteLevelWithMerges()), huggingface(metaspace())];
    expect(new Set([a, b, huggingface(byteLevelWithMerges(), { lower: 1 })].map((t) => t.fingerprint)).size).toBe(3);
    expect(huggingface(byteLevelWithMerges()).fingerprint).toBe(a.fingerprint);
  });
});

describe('tokenizer.json', () => {
  test.each([
    ['characters', characters(`${sample}0123456789`)],
    ['bytes', bytes()],
    ['huggingface', huggingface(byteLevelWithMerges())],
  ])('of %s gives the same tokenizer back', (kind, tokenizer) => {
    const again = tokenizerFromJSON(JSON.parse(JSON.stringify(tokenizer)));
    expect(again.kind).toBe(kind);
    expect(again.fingerprint).toBe(tokenizer.fingerprint);
    expect(again.encode(sample)).toEqual(tokenizer.encode(sample));
  });

  test.each([
    ['characters', characters(sample)],
    ['bytes', bytes()],
  ])('of %s means the same to Hugging Face', (_, tokenizer) => {
    const theirs = huggingface(tokenizer.toJSON(), tokenizer.config);
    expect(theirs.encode(sample)).toEqual(tokenizer.encode(sample));
    expect(theirs.decode(tokenizer.encode(sample))).toBe(sample);
    expect(theirs.vocabSize).toBe(tokenizer.vocabSize);
  });
});

describe('decodeStream', () => {
  const pieces = (tokenizer: ReturnType<typeof bytes>, ids: ArrayLike<number>): string[] => {
    const stream = decodeStream(tokenizer);
    return [...Array.from(ids, (id) => stream.push(id)), stream.end()];
  };

  test.each([
    ['characters', characters(sample)],
    ['bytes', bytes()],
    ['byte-level merges', huggingface(byteLevelWithMerges())],
  ])('pieces of %s together are the whole text', (_, tokenizer) => {
    expect(pieces(tokenizer, tokenizer.encode(sample)).join('')).toBe(sample);
  });

  test('keeps the spaces between words that a decoder drops at the start', () => {
    const tokenizer = huggingface(metaspace());
    expect(pieces(tokenizer, tokenizer.encode('ab ac a'))).toEqual(['a', 'b', ' a', 'c', ' a', '']);
  });

  test('holds back an incomplete sequence, and shows it as U+FFFD at the end', () => {
    expect(pieces(bytes(), [65, 0xe2, 0x82, 0xac, 0xe2])).toEqual(['A', '', '', '€', '', '\uFFFD']);
  });

  test('pieces of broken bytes are what decoding them at once gives', () => {
    for (let seed = 1; seed < 300; seed++) {
      const ids = Array.from(
        { length: 12 },
        (_, i) => [0xe2, 0x82, 0xac, 0xf0, 0x9f, 0x41, 0xff, 0xc3, 0xed][(seed * (i + 7) * (i + 3)) % 9]!,
      );
      expect(pieces(bytes(), ids).join('')).toBe(bytes().decode(ids));
    }
  });
});
