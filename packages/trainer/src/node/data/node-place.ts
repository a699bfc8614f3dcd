// Data in files of the cache, for Node. The launcher prepares it; workers open what was prepared, and never look at where it came from.
import { createHash } from 'node:crypto';
import { closeSync, constants, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CheckpointError } from '@lockstep/nn';
import { replaceFile } from '@lockstep/nn/node';
import type { DataPlace } from '../../data/data-place.ts';
import { openOwnFile, privateMode } from '../own-file.ts';
import { cacheFolder } from './cache-folder.ts';
import { keepText, type PrepareOptions } from './prepare-text.ts';
import { hasRows, keepRows, manifestPath, openRows } from './row-file.ts';
import { openTokenFile } from './token-file.ts';

export interface NodePlaceOptions extends PrepareOptions {
  /** The sha256 of rows that a run has been trained on: where they are kept they are opened, and nothing is loaded. */
  readonly sha256?: string | undefined;
  /** What rows depend on beside their settings: the sha256 of the code that loads them. With it, they are loaded once on this machine. */
  readonly code?: string | undefined;
}

/** Where data is prepared and kept on this machine. */
export function nodePlace({ sha256, code, ...options }: NodePlaceOptions = {}): DataPlace {
  return {
    text: (settings) => keepText(settings, options),
    async rows({ name, settings, version, load }) {
      const from = options.from ?? process.cwd();
      const folder = await cacheFolder(from);
      const made = version === undefined ? code && { code } : { version };
      const note = made && notePath(folder, JSON.stringify({ ...made, name, settings }));
      for (const known of [sha256, note && readNote(note)]) {
        const path = manifestPath(folder, known ?? '');
        if (known !== undefined && hasRows(path, known)) return openRows(name, { path, sha256: known });
      }
      const dataset = await patiently(name, options.note, async () => keepRows(name, await load({ from }), { folder }));
      if (note !== undefined) await replaceFile(note, (file) => file.writeFile(dataset.sha256), { mode: privateMode });
      return dataset;
    },
  };
}

/** Rows that are not there by then are said to be waited for. */
const patienceMs = 10_000;

async function patiently<T>(name: string, note: PrepareOptions['note'], work: () => Promise<T>): Promise<T> {
  const say = (): void => note?.(`note: loading the rows of ${name}, which are then kept`);
  const patience = setTimeout(say, patienceMs);
  try {
    return await work();
  } finally {
    clearTimeout(patience);
  }
}

/** Data that has been prepared: a file, and the sha256 by which it is known. */
export interface PreparedData {
  readonly sha256: string;
  readonly path: string;
}

/** Where a launcher has prepared data, for workers: nothing is searched, loaded or tokenised. */
export function preparedPlace({ path, sha256 }: PreparedData): DataPlace {
  return {
    async text({ source }) {
      const file = await openTokenFile(path, { sha256 });
      if (file) return { name: source, path, ...file };
      throw new CheckpointError(`text: expected the tokens of ${source} at ${path}, got no such file, or another`);
    },
    rows: async ({ name }) => openRows(name, { path, sha256 }),
  };
}

/** Where it is noted which rows some code gave: code may shuffle as it likes, and a run is to find its data again. */
function notePath(folder: string, what: string): string {
  return join(folder, `${createHash('sha256').update(what).digest('hex')}.rows-of`);
}

function readNote(path: string): string | undefined {
  try {
    const file = openOwnFile(path, constants.O_RDONLY);
    try {
      const text = readFileSync(file, 'utf8');
      return /^[0-9a-f]{64}$/.test(text) ? text : undefined;
    } finally {
      closeSync(file);
    }
  } catch {
    return undefined;
  }
}
