// What was thrown, on one line: people throw anything.
import { inspect } from 'node:util';

const most = 200;

/** The name and message of an error, or the value that was thrown in place of one. */
export function thrownWords(thrown: unknown): string {
  if (!(thrown instanceof Error)) return `a thrown ${short(inspect(thrown, { breakLength: Infinity, depth: 1 }))}`;
  const message = theLine(thrown.message);
  return short(message === '' ? thrown.name : `${thrown.name}: ${message}`);
}

/** The first line of a message, or the second where the first only announces it: that is the one with the place. */
function theLine(message: string): string {
  const [first = '', second] = message.split('\n');
  return first.endsWith(':') && second ? second : first;
}

function short(text: string): string {
  const line = text.replaceAll('\n', ' ');
  return line.length > most ? `${line.slice(0, most - 1)}…` : line;
}
