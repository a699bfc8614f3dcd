// One token per byte of UTF-8: 256 ids, any text, nothing to learn.
import { fingerprintOf } from './fingerprint.ts';
import { perSymbolConfig, perSymbolJSON } from './per-symbol-json.ts';
import type { Tokenizer, TokenizerJSON } from './tokenizer.ts';

const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false };

/** The tokenizer whose ids are the bytes of a text in UTF-8. */
export function bytes(): Tokenizer {
  return {
    kind: 'bytes',
    vocabSize: 256,
    fingerprint: fingerprintOf('bytes', 256),
    config: perSymbolConfig,
    encode: (text) => Uint32Array.from(new TextEncoder().encode(text)),
    decode: (ids) => new TextDecoder('utf-8', { ignoreBOM: true }).decode(Uint8Array.from(ids, byteOf)),
    toJSON: () => perSymbolJSON({ vocab: byteVocabulary(), preTokenizer: byteLevel, decoder: byteLevel }),
  };
}

/** 0xff occurs nowhere in UTF-8 and therefore decodes to U+FFFD. */
function byteOf(id: number): number {
  return id < 256 ? id : 0xff;
}

/** GPT-2's names for bytes: printable ones stand for themselves, the others take the code points from 256 on. */
function byteVocabulary(): TokenizerJSON & Record<string, number> {
  let next = 256;
  const nameOf = (byte: number): string => String.fromCodePoint(isPrintable(byte) ? byte : next++);
  return Object.fromEntries(Array.from({ length: 256 }, (_, byte) => [nameOf(byte), byte]));
}

function isPrintable(byte: number): boolean {
  return (byte >= 33 && byte <= 126) || (byte >= 161 && byte !== 173);
}
