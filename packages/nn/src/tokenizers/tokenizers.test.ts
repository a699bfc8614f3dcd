import { describe, expect, test } from 'vitest';
import { ConfigError } from '@lockstep/errors';
import { bytes } from './bytes.ts';
import { characters } from './characters.ts';
import { decodeStream } from './decode-stream.ts';
import { tokenizerFromJSON } from './from-json.ts';
import { huggingface } from './huggingface.ts';
import type { Tokenizer, TokenizerJSON } from './tokenizer.ts';

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

async function roundTrip(tokenizer: Tokenizer, text: string): Promise<string> {
  return tokenizer.decode(await tokenizer.encode(text));
}

describe('characters', () => {
  test('numbers the code points of a text in ascending order, whatever order they come in', async () => {
    const tokenizer = characters('cab🐋ca');
    expect(tokenizer.vocabSize).toBe(4);
    expect([...(await tokenizer.encode('abc🐋'))]).toEqual([0, 1, 2, 3]);
    expect(tokenizer.fingerprint).toBe(characters('🐋abc').fingerprint);
    expect(tokenizer.fingerprint).not.toBe(characters('abc').fingerprint);
  });

  test('decodes what it encoded, lone surrogates included', async () => {
    for (const text of [sample, 'a\ud800b', '']) expect(await roundTrip(characters(sample + text), text)).toBe(text);
  });

  test('names a character that it does not know', async () => {
    await expect(characters('abc').encode('abé')).rejects.toThrow(ConfigError);
    await expect(characters('abc\n').encode('ab\nbé')).rejects.toThrow(
      'expected the 4 characters of the vocabulary, got "é" (U+00E9) at line 2, column 2',
    );
    await expect(characters('abc').encode('ab鯨')).rejects.toThrow('U+9BE8');
    await expect(characters('ac').encode('b')).rejects.toMatchObject({ text: 'b', index: 0 });
    expect([...(await characters('ab').encode('a鯨b🐋', { unknown: 'drop' }))]).toEqual([0, 1]);
  });

  test('needs at least one character, and decodes ids beyond its vocabulary as U+FFFD', async () => {
    expect(() => characters('')).toThrow(ConfigError);
    expect(await characters('ab').decode([0, 2, 1])).toBe('a\uFFFDb');
  });
});

describe('bytes', () => {
  test('ids are the bytes of UTF-8, a byte order mark among them', async () => {
    expect([...(await bytes().encode('é\n'))]).toEqual([0xc3, 0xa9, 10]);
    for (const text of [sample, '\uFEFFabc', '']) expect(await roundTrip(bytes(), text)).toBe(text);
  });

  test('broken sequences and ids beyond 255 decode as U+FFFD', async () => {
    expect(await bytes().decode([65, 0xe2, 0x82, 66, 256 + 65])).toBe('A\uFFFDB\uFFFD');
  });
});

describe('huggingface', () => {
  test('follows the merges and added tokens of tokenizer.json, and adds none of its own', async () => {
    const tokenizer = huggingface(byteLevelWithMerges());
    expect([...(await tokenizer.encode('the th<|endoftext|>'))]).toEqual([257, 32, 256, 258]);
    expect(tokenizer.vocabSize).toBe(259);
    expect(await tokenizer.decode([257, 32, 256, 258])).toBe('the th<|endoftext|>');
    expect(await roundTrip(tokenizer, sample)).toBe(sample);
  });

  test('decodes nothing as nothing, and an unknown id as U+FFFD', async () => {
    const tokenizer = huggingface(byteLevelWithMerges());
    expect(await tokenizer.decode([])).toBe('');
    expect(await tokenizer.decode([257, 999, 257])).toBe('the\uFFFDthe');
  });

  test('what no token can express, and what is no tokenizer.json, are ConfigErrors', async () => {
    expect(() => huggingface({ hello: 1 })).toThrow(ConfigError);
    expect(() => huggingface(null as unknown as TokenizerJSON)).toThrow(ConfigError);
    expect(() => tokenizerFromJSON({})).toThrow(ConfigError);
    expect(() => tokenizerFromJSON(null)).toThrow(ConfigError);
  });

  test('a character without a token stops with its place, or is dropped where that is asked for', async () => {
    const tokenizer = huggingface(metaspace());
    await expect(tokenizer.encode('ab\n鯨a')).rejects.toThrow('got "\\n" (U+000A) at line 1, column 3');
    await expect(tokenizer.encode('ab 🐋鯨a')).rejects.toMatchObject({ text: '🐋', index: 3 });
    expect([...(await tokenizer.encode('ab鯨a', { unknown: 'drop' }))]).toEqual([...(await tokenizer.encode('aba'))]);
  });

  test.each<[string, (json: Record<string, unknown>) => unknown]>([
    ['the normalizer Lowercase', (json) => (json['normalizer'] = { type: 'Lowercase' })],
    ['the pre-tokenizer UnicodeScripts', (json) => (json['pre_tokenizer'] = { type: 'UnicodeScripts' })],
    ['a model of type WordLevel', (json) => (json['model'] = { type: 'WordLevel', vocab: { a: 0 }, unk_token: 'a' })],
    ['the added token "x" with rstrip', (json) => (json['added_tokens'] = [{ id: 9, content: 'x', rstrip: true }])],
  ])('what JavaScript does not do as the reference does is refused by name: %s', (name, change) => {
    const json = structuredClone(byteLevelWithMerges()) as Record<string, unknown>;
    change(json);
    expect(() => huggingface(json)).toThrow(`as the reference does, got ${name}\nhint: in Node`);
  });

  test('dropout, another kind of model and endless nesting are refused', () => {
    const withModel = (model: object): TokenizerJSON => ({ ...byteLevelWithMerges(), model });
    expect(() => huggingface(withModel({ type: 'BPE', vocab: {}, merges: [], dropout: 0.1 }))).toThrow(
      'got "dropout": 0.1',
    );
    expect(() => huggingface(withModel({ type: 'Neural', vocab: {} }))).toThrow('got "Neural"');
    const deep = JSON.parse(`${'{"a":'.repeat(100_000)}0${'}'.repeat(100_000)}`) as TokenizerJSON;
    expect(() => huggingface(deep)).toThrow('at most 127 levels deep');
  });

  test('the fingerprint follows content and configuration', async () => {
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
  ])('of %s gives the same tokenizer back', async (kind, tokenizer) => {
    const again = tokenizerFromJSON(JSON.parse(JSON.stringify(tokenizer)));
    expect(again.kind).toBe(kind);
    expect(again.fingerprint).toBe(tokenizer.fingerprint);
    expect(await again.encode(sample)).toEqual(await tokenizer.encode(sample));
  });

  test.each([
    ['characters', characters(sample)],
    ['bytes', bytes()],
  ])('of %s means the same to Hugging Face', async (_, tokenizer) => {
    const theirs = huggingface(tokenizer.toJSON(), tokenizer.config);
    expect(await theirs.encode(sample)).toEqual(await tokenizer.encode(sample));
    expect(await theirs.decode(await tokenizer.encode(sample))).toBe(sample);
    expect(theirs.vocabSize).toBe(tokenizer.vocabSize);
  });
});

describe('decodeStream', () => {
  const pieces = async (tokenizer: Tokenizer, ids: ArrayLike<number>): Promise<string[]> => {
    const stream = decodeStream(tokenizer);
    const shown: string[] = [];
    for (const id of Array.from(ids)) shown.push(await stream.push(id));
    return [...shown, await stream.end()];
  };

  test.each([
    ['characters', characters(sample)],
    ['bytes', bytes()],
    ['byte-level merges', huggingface(byteLevelWithMerges())],
  ])('pieces of %s together are the whole text', async (_, tokenizer) => {
    const text = sample.slice(0, 400);
    expect((await pieces(tokenizer, await tokenizer.encode(text))).join('')).toBe(text);
  });

  test('keeps the spaces between words that a decoder drops at the start', async () => {
    const tokenizer = huggingface(metaspace());
    expect(await pieces(tokenizer, await tokenizer.encode('ab ac a'))).toEqual(['a', 'b', ' a', 'c', ' a', '']);
  });

  test('holds back an incomplete sequence, and shows it as U+FFFD at the end', async () => {
    expect(await pieces(bytes(), [65, 0xe2, 0x82, 0xac, 0xe2])).toEqual(['A', '', '', '€', '', '\uFFFD']);
  });

  test('pieces of broken bytes are what decoding them at once gives', async () => {
    for (let seed = 1; seed < 300; seed++) {
      const ids = Array.from(
        { length: 12 },
        (_, i) => [0xe2, 0x82, 0xac, 0xf0, 0x9f, 0x41, 0xff, 0xc3, 0xed][(seed * (i + 7) * (i + 3)) % 9]!,
      );
      expect((await pieces(bytes(), ids)).join('')).toBe(await bytes().decode(ids));
    }
  });
});
