// What a bundled module refers to: other modules of the bundle and files beside the sources. Each reference gets the name of what it
// refers to; what cannot have one is refused, at its place in the source.
import { readFile, stat } from 'node:fs/promises';
import type { SourceMap } from 'node:module';
import { dirname, extname, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { ConfigError } from '@lockstep/trainer';
import { type Node, parse } from 'acorn';
import { computed } from './computed-imports.ts';
import { ownUrl, refused } from './own-location.ts';

export interface ReferenceOptions {
  /** From the bundled text to the sources; asked for where there is a place to tell. */
  readonly sources: () => SourceMap;
  /** That paths of sources count from. */
  readonly folder: string;
  /** The name of a module of the bundle, or nothing for another. */
  readonly nameOf: (module: string) => Promise<string> | undefined;
  /** Takes a file along and gives its name. */
  readonly addBlob: (bytes: Uint8Array, ending: string) => string;
}

interface Edit {
  readonly start: number;
  readonly end: number;
  /** No longer than what it replaces. */
  readonly text: string;
}

/**
 * The text of a module with all names set in; nothing in it moves.
 * @throws {ConfigError} for a computed import, and for a module's own place used otherwise than to name a file.
 */
export async function nameReferences(text: string, options: ReferenceOptions): Promise<string> {
  const edits: Edit[] = [];
  for (const reference of references(parse(text, { ecmaVersion: 'latest', sourceType: 'module' }))) {
    const edit = await editOf(reference, text, options);
    if (edit) edits.push(edit);
  }
  let result = '';
  let at = 0;
  for (const { start, end, text: set } of edits.toSorted((a, b) => a.start - b.start)) {
    result += text.slice(at, start) + set.padEnd(end - start);
    at = end;
  }
  return result + text.slice(at);
}

type Reference =
  | { readonly kind: 'module'; readonly node: Node; readonly name: string }
  | { readonly kind: 'file'; readonly node: Node; readonly url: string }
  | { readonly kind: 'computed import'; readonly node: Node }
  | { readonly kind: 'own place'; readonly node: Node; readonly what: string };

async function editOf(reference: Reference, text: string, options: ReferenceOptions): Promise<Edit | undefined> {
  const { node } = reference;
  const { start, end } = node;
  if (reference.kind === 'module') {
    const name = reference.name.startsWith('./') ? await options.nameOf(reference.name.slice(2)) : undefined;
    return name === undefined ? undefined : { start, end, text: JSON.stringify(`./${name}`) };
  }
  const place = placeOf(text, start, options);
  if (reference.kind === 'own place') throw ownPlace(reference.what, place);
  if (reference.kind === 'computed import') throw computed(place.file, place.line);
  const name = await takeFile(reference.url, place, options);
  return { start, end, text: `new URL("./${name}",import.meta.url)` };
}

/** Computed imports and places by which a module may be asked for, in any order. */
function* references(node: Node): Generator<Reference> {
  const reference = referenceOf(node);
  if (reference) yield reference;
  if (reference?.kind === 'file') return;
  for (const child of childrenOf(node)) yield* references(child);
}

function referenceOf(node: Node): Reference | undefined {
  const { type, source, callee, name, arguments: given } = node as Node & Partial<Syntax>;
  if (type === 'ImportExpression' && textOf(source) === undefined) return { kind: 'computed import', node };
  if (source && /^(Import|Export)/.test(type)) return { kind: 'module', node: source, name: textOf(source)! };
  if (type === 'Identifier' && refused.has(name!)) return { kind: 'own place', node, what: refused.get(name!)! };
  if (type !== 'NewExpression' || callee?.name !== 'URL' || given?.[1]?.name !== ownUrl) return undefined;
  const url = textOf(given[0]);
  return url === undefined ? undefined : { kind: 'file', node, url };
}

/** What is read of a node; each kind of node has some of it. */
interface Syntax extends Node {
  readonly source: Syntax | null;
  readonly callee: Syntax;
  readonly arguments: readonly Syntax[];
  readonly name: string;
  readonly value: unknown;
  readonly quasis: readonly { readonly value: { readonly cooked: string } }[];
}

/** What a literal says, also between backticks. */
function textOf(node: Partial<Syntax> | null | undefined): string | undefined {
  if (node?.type === 'TemplateLiteral' && node.quasis!.length === 1) return node.quasis![0]!.value.cooked;
  return node?.type === 'Literal' && typeof node.value === 'string' ? node.value : undefined;
}

/** Literals, which have none, are left out: a module may hold millions of numbers. */
function childrenOf(node: Node): Node[] {
  const children: Node[] = [];
  for (const part of Object.values(node) as unknown[])
    if (Array.isArray(part)) for (const one of part) addNode(one, children);
    else addNode(part, children);
  return children;
}

function addNode(value: unknown, nodes: Node[]): void {
  const type = (value as Partial<Node> | null | undefined)?.type;
  if (typeof type === 'string' && type !== 'Literal') nodes.push(value as Node);
}

/** Where in the sources something stands. */
interface Place {
  readonly file: string;
  readonly line: number;
}

function placeOf(text: string, at: number, { sources, folder }: ReferenceOptions): Place {
  const before = text.slice(0, at).split('\n');
  const entry = sources().findEntry(before.length - 1, before.at(-1)!.length);
  if (!('originalSource' in entry)) return { file: 'the bundle', line: 0 };
  return { file: resolve(folder, 'bundle', entry.originalSource), line: entry.originalLine + 1 };
}

async function takeFile(url: string, { file, line }: Place, { addBlob }: ReferenceOptions): Promise<string> {
  const found = new URL(url, pathToFileURL(file));
  const path = found.protocol === 'file:' ? fileURLToPath(found) : undefined;
  const isFile = path !== undefined && (await stat(path).catch(() => undefined))?.isFile();
  if (!isFile)
    throw new ConfigError(
      `${file}:${line}: expected new URL(…, import.meta.url) to name a file, got ${JSON.stringify(url)}, which is none in ${dirname(file)}`,
    );
  return addBlob(await readFile(path), extname(path).slice(0, 16));
}

const ownPlace = (what: string, { file, line }: Place): ConfigError =>
  new ConfigError(
    `${file}:${line}: expected code that may lie anywhere, got ${what}\nhint: new URL('./a-file', import.meta.url) takes a file along with the run`,
  );
