// Finds the text that a run names: a file, a URL (downloaded once into the cache) or an installed package.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { extname, isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Corpus } from '../../data/tokenize.ts';
import { ConfigError } from '@lockstep/errors';
import { download } from './download.ts';

/** A text, and a string that changes when its content does. */
export interface LocatedCorpus extends Corpus {
  readonly identity: string;
}

const chunkLength = 2 ** 20;
const codeExtensions = new Set(['.js', '.cjs', '.mjs', '.json', '.node', '.ts', '.cts', '.mts']);

/** Finds `source` from the folder `from`. Throws ConfigError if there is nothing of that name, or no text in it. */
export async function locateText(
  source: string,
  { from, cache }: { from: string; cache: string },
): Promise<LocatedCorpus> {
  if (/^https?:/.test(source)) return fileCorpus(await download(source, cache), source);
  if (source.startsWith('file:')) return fileCorpus(fileURLToPath(source), source);
  const path = resolve(from, source);
  if (await exists(path)) return fileCorpus(path, source);
  const module = resolvePackage(source, from);
  if (module === undefined) {
    throw new ConfigError(
      `text: expected a file, a URL or an installed package, got ${JSON.stringify(source)}\n` +
        `hint: there is no file ${path} and no such package to import from ${from}`,
    );
  }
  return codeExtensions.has(extname(module)) ? packageCorpus(module, source) : fileCorpus(module, source);
}

async function fileCorpus(path: string, name: string): Promise<LocatedCorpus> {
  const status = await stat(path).catch((error: NodeJS.ErrnoException) => {
    throw new ConfigError(`text: expected a file that can be read, got ${error.code} for ${path}`);
  });
  if (!status.isFile()) throw new ConfigError(`text: expected a file of text, got something else at ${path}`);
  return {
    name,
    identity: `${path} ${status.size} ${status.mtimeMs}`,
    chunks: () => createReadStream(path, { highWaterMark: chunkLength }),
  };
}

/** What npm takes for the name of a package, with its scope if it has one, and perhaps the path of a file in it: none leads up. */
const packageName = /^((?:@[\w~-][\w.~-]*\/)?[a-z\d~-][\w.~-]*)((?:\/[\w~-][\w.~-]*)*)$/i;
const longestName = 214;

/** The file that a package's name, or the path of a text in it, stands for. Only what a package exports by its name is imported. */
function resolvePackage(name: string, from: string): string | undefined {
  const [, bare, inner] = packageName.exec(name) ?? [];
  if (bare === undefined || bare.length > longestName) return undefined;
  const path = resolveModule(name, from);
  return inner !== '' && path !== undefined && codeExtensions.has(extname(path)) ? undefined : path;
}

function resolveModule(name: string, from: string): string | undefined {
  try {
    const path = createRequire(join(from, 'run.js')).resolve(name);
    return isAbsolute(path) ? path : undefined; // Node's own modules have no file
  } catch {
    return undefined;
  }
}

/** A package that exports a text, or a function that gives one; its parts are joined by an empty line, in order. */
async function packageCorpus(path: string, name: string): Promise<LocatedCorpus> {
  const content = textOf(await importValue(path, name));
  if (content === undefined) {
    throw new ConfigError(`text: expected package ${name} to export a text or a list of texts, got something else`);
  }
  const bytes = new TextEncoder().encode(content);
  const identity = `${name} ${createHash('sha256').update(bytes).digest('hex')}`;
  return { name, identity, chunks: () => slices(bytes) };
}

async function importValue(path: string, name: string): Promise<unknown> {
  try {
    const attributes = extname(path) === '.json' ? { with: { type: 'json' } } : {};
    const { default: value } = (await import(pathToFileURL(path).href, attributes)) as { default?: unknown };
    return typeof value === 'function' ? await (value as () => unknown)() : value;
  } catch (error) {
    throw new ConfigError(
      `text: expected package ${name} to give its text, got ${(error as Error).message.split('\n')[0]}`,
    );
  }
}

/** A string, an object with a `text`, or a list of these. */
function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (!Array.isArray(value)) {
    const inner = (value as { text?: unknown } | null | undefined)?.text;
    return typeof inner === 'string' ? inner : undefined;
  }
  const parts = value.map(textOf);
  return parts.includes(undefined) ? undefined : parts.join('\n\n');
}

function* slices(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += chunkLength) yield bytes.subarray(at, at + chunkLength);
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
