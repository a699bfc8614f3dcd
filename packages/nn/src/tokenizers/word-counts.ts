// The words of a text and how often each occurs, which is all that learning a byte-pair encoding needs of it. Words are those of
// GPT-2, within a line: the reference learns line by line, too.
import { letters, numbers } from './unicode-classes.ts';

// The pattern of GPT-2 with classes that are the same in every engine.
const space = '\\p{White_Space}';
const word = new RegExp(
  `'s|'t|'re|'ve|'m|'ll|'d| ?[${letters}]+| ?[${numbers}]+| ?[^${space}${letters}${numbers}]+` +
    `|${space}+(?!\\P{White_Space})|${space}+`,
  'gu',
);

/** Takes a text piece by piece. */
export class WordCounts {
  readonly counts: Map<string, number> = new Map();
  /** The beginning of a line that is not yet whole. */
  #rest = '';

  add(text: string): void {
    const end = text.lastIndexOf('\n') + 1;
    if (end === 0) {
      this.#rest += text;
      return;
    }
    const whole = this.#rest + text.slice(0, end);
    this.#rest = text.slice(end);
    for (let start = 0; start < whole.length;) {
      const next = whole.indexOf('\n', start) + 1;
      this.#countLine(whole.slice(start, next));
      start = next;
    }
  }

  /** The text ends here, with or without an end of line. */
  end(): void {
    this.#countLine(this.#rest);
    this.#rest = '';
  }

  #countLine(line: string): void {
    for (const found of line.match(word) ?? []) this.counts.set(found, (this.counts.get(found) ?? 0) + 1);
  }
}
