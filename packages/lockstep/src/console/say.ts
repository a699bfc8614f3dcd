// The one way from here to somebody's terminal or log.
import pc from 'picocolors';
import { printable } from './printable.ts';

/** The colours that this command itself uses: bold, dim, red to cyan, and back to plain. */
// eslint-disable-next-line no-control-regex
const colours = /(\u001b\[(?:1|2|22|3[1-6]|39)m)/;

/** Text as it may be printed: our own colours, where there are any, and what is printable. */
export function sayable(text: string, { colour = pc.isColorSupported }: { colour?: boolean } = {}): string {
  if (!colour) return printable(text);
  return text
    .split(colours)
    .map((part, i) => (i % 2 === 1 ? part : printable(part)))
    .join('');
}

/** Writes a line, or several, for people. What is for programs (JSON, the output of scripts, generated text in a pipe) goes its own way. */
export function say(stream: NodeJS.WritableStream, text: string): void {
  stream.write(`${sayable(text)}\n`);
}
