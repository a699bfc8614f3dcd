// Where data is prepared and kept: in files in Node (`node/data/node-place.ts`), in memory in a page. The seam between what a dataset is
// and where it lies.
import { sha256Hex } from '../sha256-hex.ts';
import { memoryBytes } from './chunks.ts';
import type { Dataset } from './dataset.ts';
import { fetchText } from './prepare-text.ts';
import { RowsDataset } from './rows-dataset.ts';
import { encodeManifest } from './rows-manifest.ts';
import type { PreparedText } from './text-dataset.ts';
import type { TextSettings } from './text.ts';
import { writeRows } from './write-rows.ts';

export interface RowsSource {
  readonly name: string;
  readonly settings: object;
  /** What names the rows in place of the code that loads them. */
  readonly version?: string | number | undefined;
  /** What somebody's code gives, which is still to be checked. */
  readonly load: (start: LoadStart) => unknown;
}

/** Where `load` begins. */
export interface LoadStart {
  /** The folder that paths count from: the run file's. In a page, its address. */
  readonly from: string;
}

export interface DataPlace {
  /** Finds, reads and tokenises a text. */
  text(settings: TextSettings): Promise<PreparedText>;
  /** Keeps the rows that somebody's code gives. */
  rows(source: RowsSource): Promise<Dataset>;
}

/** Data in memory: texts are fetched by URL, rows are loaded wherever they are wanted. */
export const memoryPlace: DataPlace = {
  text: fetchText,
  async rows({ name, load }) {
    const chunks: Uint8Array[] = [];
    const manifest = await writeRows(await load({ from: globalThis.document?.baseURI ?? '.' }), {
      who: name,
      sink: (chunk) => void chunks.push(chunk),
    });
    const sha256 = await sha256Hex(encodeManifest(manifest));
    return new RowsDataset({ name, sha256, manifest, bytes: memoryBytes(chunks) });
  },
};
