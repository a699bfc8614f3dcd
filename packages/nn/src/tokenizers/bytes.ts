// One token per byte of UTF-8: 256 ids, any text, nothing to learn.
import { byteAlphabet } from './byte-alphabet.ts';
import { bpeConfig, bpeJSON } from './bpe-json.ts';
import { fingerprintOf } from './fingerprint.ts';
import type { Tokenizer } from './tokenizer.ts';

const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false };

const vocab = Object.fromEntries(byteAlphabet.map((name, byte) => [name, byte]));

/** The tokenizer whose ids are the bytes of a text in UTF-8. */
export function bytes(): Tokenizer {
  return {
    kind: 'bytes',
    vocabSize: 256,
    fingerprint: fingerprintOf('bytes', 256),
    config: bpeConfig,
    encode: async (text) => Uint32Array.from(new TextEncoder().encode(text)),
    decode: async (ids) => new TextDecoder('utf-8', { ignoreBOM: true }).decode(Uint8Array.from(ids, byteOf)),
    toJSON: () => bpeJSON({ vocab, preTokenizer: byteLevel, decoder: byteLevel }),
  };
}

/** 0xff occurs nowhere in UTF-8 and therefore decodes to U+FFFD. */
function byteOf(id: number): number {
  return id < 256 ? id : 0xff;
}
