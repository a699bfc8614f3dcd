// The members of a JSON object one by one, in the order of the text: names that stand twice are both seen, a bad one ends the
// reading where it stands, and a hostile object never becomes a mountain in memory. Values are parsed by whoever wants them.

import { quote } from './quote.ts';

/** A member of an object, and where its value lies in the text. */
export interface JsonMember {
  readonly name: string;
  readonly begin: number;
  readonly end: number;
}

/** The object ends early, or holds what JSON does not allow between its members. */
export class JsonShapeError extends Error {
  override readonly name = 'JsonShapeError';
}

/** Deeper nesting than this is refused, as by the reference of the safetensors format. */
const depthLimit = 127;
/** More than any file has, and few enough to be read within a second or two. */
const memberLimit = 2 ** 18;

const [quotation, backslash, comma, colon] = [0x22, 0x5c, 0x2c, 0x3a];
const [openBrace, closeBrace, openBracket, closeBracket] = [0x7b, 0x7d, 0x5b, 0x5d];

/**
 * Reads the object that is all of `text`, white space aside.
 * Values are bounded by their brackets and quotation marks only: parsing them tells whether they are JSON.
 * @throws {JsonShapeError}
 */
export function* jsonMembers(text: string): Generator<JsonMember> {
  let at = take(text, 0, openBrace);
  for (let count = 0; next(text, at) !== closeBrace; count++) {
    if (count === memberLimit) throw new JsonShapeError(`more than ${memberLimit} members`);
    const nameBegin = take(text, at, quotation) - 1;
    const nameEnd = endOfString(text, nameBegin);
    const begin = skipSpace(text, take(text, nameEnd, colon));
    const end = endOfValue(text, begin);
    yield { name: parseString(text, nameBegin, nameEnd), begin, end };
    at = end;
    if (next(text, at) === closeBrace) break;
    at = take(text, at, comma);
    if (next(text, at) === closeBrace) take(text, at, quotation); // a comma before the end
  }
  at = take(text, at, closeBrace);
  if (skipSpace(text, at) < text.length) throw new JsonShapeError(`more behind the object, at ${at}`);
}

/**
 * Bounds the nesting of a JSON text before anybody walks through what it becomes: most ways of doing that overflow the stack.
 * @throws {JsonShapeError}
 */
export function requireShallow(text: string): void {
  const at = skipSpace(text, 0);
  const isNested = text.charCodeAt(at) === openBrace || text.charCodeAt(at) === openBracket;
  if (isNested) endOfBrackets(text, at);
}

/** The place behind a character that must come next. */
function take(text: string, from: number, code: number): number {
  const at = skipSpace(text, from);
  if (text.charCodeAt(at) === code) return at + 1;
  const found = at < text.length ? quote(text[at]!) : 'the end';
  throw new JsonShapeError(`${found} instead of ${String.fromCharCode(code)}, at ${at}`);
}

const next = (text: string, from: number): number => text.charCodeAt(skipSpace(text, from));

function skipSpace(text: string, from: number): number {
  let at = from;
  while (isSpace(text.charCodeAt(at))) at++;
  return at;
}

const isSpace = (code: number): boolean => code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;

function endOfString(text: string, begin: number): number {
  for (let i = begin + 1; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === quotation) return i + 1;
    if (code === backslash) i++;
  }
  throw new JsonShapeError('a text without end');
}

function parseString(text: string, begin: number, end: number): string {
  const name = text.slice(begin + 1, end - 1);
  if (!escapeOrControl.test(name)) return name;
  try {
    return JSON.parse(text.slice(begin, end)) as string;
  } catch {
    throw new JsonShapeError(`a name that is no text, at ${begin}`);
  }
}

/** What keeps a text in quotation marks from standing for itself. */
// eslint-disable-next-line no-control-regex
const escapeOrControl = /[\\\u0000-\u001f]/;

function endOfValue(text: string, begin: number): number {
  const code = text.charCodeAt(begin);
  if (code === quotation) return endOfString(text, begin);
  return code === openBrace || code === openBracket ? endOfBrackets(text, begin) : endOfWord(text, begin);
}

function endOfBrackets(text: string, begin: number): number {
  for (let i = begin, depth = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === quotation) i = endOfString(text, i) - 1;
    else if (code === openBrace || code === openBracket) {
      if (++depth > depthLimit) throw new JsonShapeError(`values nested more than ${depthLimit} deep`);
    } else if ((code === closeBrace || code === closeBracket) && --depth === 0) return i + 1;
  }
  throw new JsonShapeError('a value without end');
}

function endOfWord(text: string, begin: number): number {
  let i = begin;
  while (i < text.length && !isSpace(text.charCodeAt(i)) && !'",:{}[]'.includes(text[i]!)) i++;
  return i;
}
