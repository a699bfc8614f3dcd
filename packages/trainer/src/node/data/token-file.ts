// Token ids in a file: written once, as a stream, then read at random. The file carries its tokenizer, so a text that has been prepared
// need not be read again. It is believed where it is this user's own, and where its content has the sha256 that its start names.
//
//   512 bytes: magic, then JSON, padded with spaces │ ids, little-endian, 1, 2 or 4 bytes each │ the tokenizer as JSON
//
import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { closeSync, constants, createReadStream, fstatSync, readSync } from 'node:fs';
import { CheckpointError, type Tokenizer } from '@lockstep/nn';
import { openTokenizer, replaceFile } from '@lockstep/nn/node';
import { z } from 'zod';
import type { Chunks } from '../../data/decode-text.ts';
import type { TokenStore } from '../../data/token-store.ts';
import { openOwnFile, privateMode } from '../own-file.ts';

const magic = 'lockstep tokens\n';
const headerLength = 512;
/** Changes with the layout of the file, and with whatever changes the ids of a text. */
const version = 2;

const arrays = { 1: Uint8Array, 2: Uint16Array, 4: Uint32Array } as const;
type Width = keyof typeof arrays;

const headerSchema = z.object({
  version: z.literal(version),
  width: z.literal([1, 2, 4]),
  count: z.int().nonnegative(),
  tokenizer: z.string(),
  source: z.string(),
  /** The sha256 of all that follows. */
  sha256: z.string(),
});
type Header = z.infer<typeof headerSchema>;

const trailerSchema = z.object({
  tokenizer: z.record(z.string(), z.unknown()),
  config: z.record(z.string(), z.unknown()),
  vocabSize: z.int().positive(),
});

/** A file of ids, open, and the tokenizer that made them. */
export interface TokenFile {
  /** The sha256 of ids and tokenizer. */
  readonly sha256: string;
  readonly store: TokenStore;
  readonly tokenizer: Tokenizer;
}

/** Writes `ids` to `path`, which appears when they are complete. `source` names what they were made from. */
export async function writeTokenFile(
  path: string,
  { ids, tokenizer, source }: { ids: Chunks<Uint32Array>; tokenizer: Tokenizer; source: string },
): Promise<void> {
  const width = widthFor(tokenizer.vocabSize);
  const hash = createHash('sha256');
  const write = async (file: FileHandle): Promise<void> => {
    const put = (bytes: Uint8Array): Promise<void> => (hash.update(bytes), file.writeFile(bytes));
    await file.write(new Uint8Array(headerLength));
    let count = 0;
    for await (const part of ids) {
      await put(new Uint8Array(new arrays[width](part).buffer));
      count += part.length;
    }
    await put(new TextEncoder().encode(JSON.stringify(trailerOf(tokenizer))));
    const sha256 = hash.digest('hex');
    const header = formatHeader({ version, width, count, tokenizer: tokenizer.fingerprint, source, sha256 });
    await file.write(header, 0, headerLength, 0);
  };
  await replaceFile(path, write, { mode: privateMode });
}

/**
 * Opens `path` if it is the user's own and holds ids made from `source`, or those of a sha256, whole, unchanged and by this version; else
 * nothing.
 */
export async function openTokenFile(
  path: string,
  wanted: { readonly source: string } | { readonly sha256: string },
): Promise<TokenFile | undefined> {
  let file: number | undefined;
  try {
    file = openOwnFile(path, constants.O_RDONLY);
    const header = readHeader(file);
    const isWanted = 'source' in wanted ? header.source === wanted.source : header.sha256 === wanted.sha256;
    if (isWanted && (await hashOf(file)) === header.sha256) {
      const tokenizer = await readTokenizer(file, header);
      if (tokenizer.fingerprint === header.tokenizer)
        return { sha256: header.sha256, store: fileStore(path, file, header), tokenizer };
    }
  } catch {
    // No file, or not one of ours: it is a cache, and will be made anew.
  }
  if (file !== undefined) closeSync(file);
  return undefined;
}

/** The sha256 of all behind the header. */
async function hashOf(file: number): Promise<string> {
  const hash = createHash('sha256');
  const stream = createReadStream('', { fd: file, start: headerLength, autoClose: false, highWaterMark: 2 ** 20 });
  for await (const chunk of stream) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

function trailerOf({ config, vocabSize, ...tokenizer }: Tokenizer): z.infer<typeof trailerSchema> {
  return { tokenizer: tokenizer.toJSON(), config, vocabSize };
}

function widthFor(vocabSize: number): Width {
  if (vocabSize <= 2 ** 8) return 1;
  return vocabSize <= 2 ** 16 ? 2 : 4;
}

function formatHeader(header: Header): Uint8Array {
  return new TextEncoder().encode((magic + JSON.stringify(header)).padEnd(headerLength));
}

function readHeader(file: number): Header {
  return headerSchema.parse(JSON.parse(readText(file, 0, headerLength).slice(magic.length)));
}

function readTokenizer(file: number, { count, width }: Header): Promise<Tokenizer> {
  const end = headerLength + count * width;
  const trailer = trailerSchema.parse(JSON.parse(readText(file, end, fstatSync(file).size - end)));
  const { config, vocabSize } = trailer;
  return openTokenizer(trailer.tokenizer, { config, vocabSize });
}

function readText(file: number, position: number, length: number): string {
  const bytes = Buffer.alloc(length);
  return bytes.toString('utf8', 0, readSync(file, bytes, 0, length, position));
}

/** Reads are positional and synchronous: windows are small, and the system keeps the file's pages. */
function fileStore(path: string, file: number, { count, width }: Pick<Header, 'count' | 'width'>): TokenStore {
  return {
    length: count,
    read: (start, length) => {
      const ids = new arrays[width](length);
      const bytes = new Uint8Array(ids.buffer);
      const position = headerLength + start * width;
      if (readSync(file, bytes, 0, bytes.length, position) < bytes.length) {
        throw new CheckpointError(`text: expected ${length} tokens at ${start} of ${path}, got the end of the file`);
      }
      return Uint32Array.from(ids);
    },
    close: () => closeSync(file),
  };
}
