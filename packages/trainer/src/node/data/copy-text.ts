// The text of a run as one file, for a machine that has neither the network nor the package it comes from.
import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { cacheFolder } from './cache-folder.ts';
import { locateText } from './locate-text.ts';

/**
 * Writes the text that a run names to the file `to`, as the run would read it. `from`: the folder that paths and packages are looked up
 * from. Throws ConfigError where there is no such text.
 */
export async function copyText(source: string, { from, to }: { from: string; to: string }): Promise<void> {
  const { chunks } = await locateText(source, { from, cache: await cacheFolder(from) });
  await mkdir(dirname(to), { recursive: true });
  await pipeline(Readable.from(chunks()), createWriteStream(to));
}
