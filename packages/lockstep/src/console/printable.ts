// What others wrote (a model, a worker, a file's name) on somebody's terminal: nothing that a terminal obeys or hides gets through.

/**
 * What moves the cursor, changes the terminal, or makes text read otherwise than it stands: C0 and C1 but the line's end, the
 * separators of lines, and the marks that turn, override or isolate the direction of text.
 */
// eslint-disable-next-line no-control-regex
const hidden = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** The text, with a dot for each character that a terminal would obey instead of show; a tab is two spaces. */
export function printable(text: string): string {
  return text.replaceAll(hidden, (character) => (character === '\t' ? '  ' : '·'));
}

/** As {@link printable}, for what belongs on one line. */
export function printableLine(text: string): string {
  return printable(text).replaceAll('\n', '·');
}

/** Whether a text shows as it is, on one line. */
export function isPrintableLine(text: string): boolean {
  return printableLine(text) === text;
}
