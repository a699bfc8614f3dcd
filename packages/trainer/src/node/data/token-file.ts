// Token ids in a file: written once, as a stream, then read at random. The file carries its tokenizer, so a text that has been prepared
// need not be read again.
//
//   512 bytes: magic, then JSON, padded with spaces │ ids, little-endian, 1, 2 or 4 bytes each │ the tokenizer as JSON
//
import { closeSync, openSync, readSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { CheckpointError, type Tokenizer } from '@lockstep/nn';
import { openTokenizer, replaceFile } from '@lockstep/nn/node';
import { z } from 'zod';
import type { Chunks } from '../../data/decode-text.ts';
import type { TokenStore } from '../../data/token-store.ts';

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
});
type Header = z.infer<typeof headerSchema>;

const trailerSchema = z.object({
  tokenizer: z.record(z.string(), z.unknown()),
  config: z.record(z.string(), z.unknown()),
  vocabSize: z.int().positive(),
});

/** A file of ids, open, and the tokenizer that made them. */
export interface TokenFile {
  readonly store: TokenStore;
  readonly tokenizer: Tokenizer;
}

/** Writes `ids` to `path`, which appears when they are complete. `source` names what they were made from. */
export async function writeTokenFile(
  path: string,
  { ids, tokenizer, source }: { ids: Chunks<Uint32Array>; tokenizer: Tokenizer; source: string },
): Promise<void> {
  const width = widthFor(tokenizer.vocabSize);
  await replaceFile(path, async (file) => {
    await file.write(new Uint8Array(headerLength));
    let count = 0;
    for await (const part of ids) {
      await file.writeFile(new Uint8Array(new arrays[width](part).buffer));
      count += part.length;
    }
    await file.writeFile(JSON.stringify(trailerOf(tokenizer)));
    await file.write(
      formatHeader({ version, width, count, tokenizer: tokenizer.fingerprint, source }),
      0,
      headerLength,
      0,
    );
  });
}

/** Opens `path` if it holds ids made from `source`, whole and by this version; else nothing. */
export async function openTokenFile(path: string, { source }: { source: string }): Promise<TokenFile | undefined> {
  try {
    const { header, tokenizer } = await readEnds(path);
    if (header.source !== source || tokenizer.fingerprint !== header.tokenizer) return undefined;
    return { store: fileStore(path, header), tokenizer };
  } catch {
    // No file, or not one of ours: it is a cache, and will be made anew.
    return undefined;
  }
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

async function readEnds(path: string): Promise<{ header: Header; tokenizer: Tokenizer }> {
  const file = await open(path);
  try {
    const start = (await readText(file, 0, headerLength)).slice(magic.length);
    const header = headerSchema.parse(JSON.parse(start));
    const { size } = await file.stat();
    const end = headerLength + header.count * header.width;
    const trailer = trailerSchema.parse(JSON.parse(await readText(file, end, size - end)));
    const { config, vocabSize } = trailer;
    return { header, tokenizer: await openTokenizer(trailer.tokenizer, { config, vocabSize }) };
  } finally {
    await file.close();
  }
}

async function readText(file: FileHandle, position: number, length: number): Promise<string> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
  return buffer.toString('utf8', 0, bytesRead);
}

/** Reads are positional and synchronous: windows are small, and the system keeps the file's pages. */
function fileStore(path: string, { count, width }: Pick<Header, 'count' | 'width'>): TokenStore {
  const descriptor = openSync(path, 'r');
  return {
    length: count,
    read: (start, length) => {
      const ids = new arrays[width](length);
      const bytes = new Uint8Array(ids.buffer);
      const position = headerLength + start * width;
      if (readSync(descriptor, bytes, 0, bytes.length, position) < bytes.length) {
        throw new CheckpointError(`text: expected ${length} tokens at ${start} of ${path}, got the end of the file`);
      }
      return Uint32Array.from(ids);
    },
    close: () => closeSync(descriptor),
  };
}
