// Cuts a long text into pieces that are tokenised one by one, so that its length costs no memory. It is cut only where the pieces give
// exactly the tokens of the whole (`cutsOf` knows where), and a text without such places stays whole. Where it is cut follows
// from the text alone, not from the chunks that it came in.
import type { Cuts } from '@lockstep/nn';
import type { Chunks } from './decode-text.ts';

/** A piece, and what lies between it and the next, for which the tokenizer puts something in by itself. */
export interface Piece {
  readonly text: string;
  readonly gap: string;
}

/** Pieces of `length` UTF-16 units, longer where there is no place to cut before. */
export async function* pieces(
  texts: Chunks<string>,
  { cuts, length = 65_536 }: { cuts: Cuts; length?: number },
): AsyncGenerator<Piece> {
  let waiting: string[] = [];
  let size = 0;
  /** Up to where what waits has been searched in vain, and how long it must be to be searched again. */
  let [searched, enough] = [length, length];
  for await (const part of texts) {
    waiting.push(part);
    size += part.length;
    if (size <= enough) continue;
    const rest = yield* cutOff(waiting.join(''), { cuts, length, searched });
    waiting = [rest];
    size = rest.length;
    // A place shows by the character after it. To look more often would cost the square of a text without places.
    searched = Math.max(length, size - 2);
    enough = Math.max(length, 2 * size);
  }
  const last = yield* cutOff(waiting.join(''), { cuts, length, searched });
  if (last) yield { text: last, gap: '' };
}

/** Gives the pieces that are whole, and returns the rest. */
function* cutOff(
  text: string,
  { cuts, length, searched }: { cuts: Cuts; length: number; searched: number },
): Generator<Piece, string> {
  let start = 0;
  for (let end = placeFrom(text, searched, cuts); end !== undefined; end = placeFrom(text, start + length, cuts)) {
    const next = cuts.dropSpace ? end + 1 : end;
    yield { text: text.slice(start, end), gap: text.slice(end, next) };
    start = next;
  }
  return text.slice(start);
}

/** Whether texts may be cut at all. */
export function hasPlaces({ anywhere, space, newline }: Cuts): boolean {
  return anywhere || space || newline;
}

/** The first place in `text` at or after `from` where a piece may end. */
function placeFrom(text: string, from: number, cuts: Cuts): number | undefined {
  if (!hasPlaces(cuts)) return undefined;
  if (cuts.anywhere) {
    const end = isLowSurrogate(text.charCodeAt(from)) ? from + 1 : from;
    return end < text.length ? end : undefined;
  }
  for (let i = Math.max(from, 1); i < text.length - 1; i++) {
    const unit = text[i];
    const here = (unit === ' ' && cuts.space) || (unit === '\n' && cuts.newline);
    if (here && cuts.plain.test(text[i - 1]!) && cuts.plain.test(text[i + 1]!)) return unit === ' ' ? i : i + 1;
  }
  return undefined;
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit < 0xe000;
}
