// Bytes in chunks of one length, each known by its sha256, so that whoever reads a part of them checks that part only.
import { sha256Hex } from '../sha256-hex.ts';

/** Bytes in a chunk; the last one has the rest. */
export const chunkBytes: number = 2 ** 22;

/** Takes chunks, in order. What it is given is not changed afterwards. */
export type ChunkSink = (chunk: Uint8Array<ArrayBuffer>) => void | Promise<void>;

/** Gathers bytes into chunks. */
export class ChunkWriter {
  readonly #sink: ChunkSink;
  readonly #sha256s: string[] = [];
  #chunk = new Uint8Array(chunkBytes);
  #filled = 0;
  /** Bytes so far. */
  byteLength = 0;

  constructor(sink: ChunkSink) {
    this.#sink = sink;
  }

  /** Copies the bytes. There is something to wait for where a chunk is full. */
  add(bytes: Uint8Array): Promise<void> | undefined {
    if (bytes.length >= chunkBytes - this.#filled) return this.#addAcross(bytes);
    this.#chunk.set(bytes, this.#filled);
    this.#filled += bytes.length;
    this.byteLength += bytes.length;
    return undefined;
  }

  /** Ends the last chunk. Returns the sha256 of each. */
  async end(): Promise<readonly string[]> {
    if (this.#filled > 0) await this.#put();
    return this.#sha256s;
  }

  async #addAcross(bytes: Uint8Array): Promise<void> {
    let at = 0;
    while (at < bytes.length) {
      const part = bytes.subarray(at, at + chunkBytes - this.#filled);
      this.#chunk.set(part, this.#filled);
      this.#filled += part.length;
      this.byteLength += part.length;
      at += part.length;
      if (this.#filled === chunkBytes) await this.#put();
    }
  }

  async #put(): Promise<void> {
    const chunk = this.#chunk.subarray(0, this.#filled);
    this.#chunk = new Uint8Array(chunkBytes);
    this.#filled = 0;
    this.#sha256s.push(await sha256Hex(chunk));
    await this.#sink(chunk);
  }
}

/** Random access to bytes. */
export interface ByteSource {
  /** A copy of some bytes. @throws {CheckpointError} where they are not what they were. */
  read(position: number, length: number): Uint8Array<ArrayBuffer>;
  close(): void;
}

/** Bytes from chunks in memory. */
export function memoryBytes(chunks: readonly Uint8Array[]): ByteSource {
  return {
    read(position, length) {
      const bytes = new Uint8Array(length);
      for (let at = 0; at < length;) {
        const [chunk, within] = [Math.floor((position + at) / chunkBytes), (position + at) % chunkBytes];
        const part = chunks[chunk]!.subarray(within, within + length - at);
        bytes.set(part, at);
        at += part.length;
      }
      return bytes;
    },
    close: () => undefined,
  };
}
