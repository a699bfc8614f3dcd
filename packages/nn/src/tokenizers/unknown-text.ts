// What a tokenizer says of text that it has no tokens for.
import { ConfigError } from '@lockstep/errors';

/** A character, or a word, that a vocabulary cannot express. */
export class UnknownTextError extends ConfigError {
  /** What is unknown. */
  readonly text: string;
  /** Where it begins in the text that was to be encoded, in UTF-16 units. */
  readonly index: number;
  readonly #rule: string;
  readonly #hint: string;

  /** `rule`: who expects what; `place`: of the text, in the words of the message. */
  constructor({
    rule,
    hint,
    text,
    index,
    place,
  }: {
    rule: string;
    hint: string;
    text: string;
    index: number;
    place: string;
  }) {
    super(`${rule}, got ${nameOf(text)} at ${place}\nhint: ${hint}`);
    this.text = text;
    this.index = index;
    this.#rule = rule;
    this.#hint = hint;
  }

  /** The same, with its place in a whole of which the text was a part. */
  at(place: string): UnknownTextError {
    return new UnknownTextError({ rule: this.#rule, hint: this.#hint, text: this.text, index: this.index, place });
  }
}

/** Lines and columns count from 1; columns count characters. `index` is in UTF-16 units. */
export function placeOf(text: string, index: number): { line: number; column: number } {
  const before = text.slice(0, index);
  const start = before.lastIndexOf('\n') + 1;
  return { line: before.split('\n').length, column: Array.from(before.slice(start)).length + 1 };
}

/** A place in the words of a message. */
export function describePlace({ line, column }: { line: number; column: number }): string {
  return `line ${line}, column ${column}`;
}

/** A character with its number, a longer text cut short. */
function nameOf(text: string): string {
  const [first = '', second] = text;
  if (second !== undefined) return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
  return `${JSON.stringify(first)} (U+${(first.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')})`;
}

/** The error for what lies between two code points of `text`, by the tokenizer that a tokenizer.json describes. */
export function unknownIn(text: string, [start, end]: readonly [number, number]): UnknownTextError {
  const index = unitsIn(text, start, 0);
  return new UnknownTextError({
    rule: 'huggingface: expected text that the tokenizer.json has tokens for',
    hint: "text(…, { unknown: 'drop' }) trains without it; a tokenizer with an unknown token or with all bytes takes any text",
    text: text.slice(index, unitsIn(text, end - start, index)),
    index,
    place: describePlace(placeOf(text, index)),
  });
}

/** The index `count` code points after `from`. */
function unitsIn(text: string, count: number, from: number): number {
  let index = from;
  for (let i = 0; i < count; i++) index += text.codePointAt(index)! > 0xffff ? 2 : 1;
  return index;
}
