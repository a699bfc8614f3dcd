// Text from a file of others as it may stand in a message: on one line, not endless, and without what moves a terminal's cursor.

/** `text` in quotes, cut at 80 characters; whatever is no plain character is escaped. */
export function quote(text: string): string {
  return escaped(JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text));
}

/** A value out of JSON, cut at 80 characters. */
export function quoteValue(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return escaped(text.length > 80 ? `${text.slice(0, 79)}…` : text);
}

/** JSON escapes the control characters below a space; these are the others, the line ends of Unicode, and what turns a line's direction. */
const unsafe = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

function escaped(json: string): string {
  return json.replaceAll(unsafe, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
