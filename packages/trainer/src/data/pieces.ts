// Cuts a long text into pieces that are tokenised one by one, so that its length costs no memory. Where it is cut follows from the
// text alone, not from the chunks that it came in: everybody who tokenises it gets the same ids.
import type { Chunks } from './decode-text.ts';

/**
 * Pieces of `length` to twice as many UTF-16 units. A cut comes before a space between two words, where the tokenizers in use
 * begin a new token anyway; only a text without such a place is cut within a word, and never within a character.
 */
export async function* pieces(texts: Chunks<string>, length = 65_536): AsyncGenerator<string> {
  let rest = '';
  for await (const part of texts) {
    rest += part;
    let start = 0;
    while (rest.length - start > 2 * length) {
      const end = cut(rest, start + length, start + 2 * length);
      yield rest.slice(start, end);
      start = end;
    }
    rest = rest.slice(start);
  }
  if (rest) yield rest;
}

/** The first good place to cut in [from, to); `text` goes on beyond `to`. */
function cut(text: string, from: number, to: number): number {
  for (let i = text.indexOf(' ', from); i >= 0 && i < to; i = text.indexOf(' ', i + 1)) {
    if (isWord(text[i - 1]!) && isWord(text[i + 1]!)) return i;
  }
  return isLowSurrogate(text.charCodeAt(to)) ? to - 1 : to;
}

function isWord(character: string): boolean {
  return !/\s/.test(character);
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit < 0xe000;
}
