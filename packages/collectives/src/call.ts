// One collective call as its algorithm sees it: a tag of its own, deadlines, scratch. Algorithms are written above it.

import type { Scratch } from './scratch.ts';
import type { Transport } from './transport.ts';
import type { Waits } from './waits.ts';

/** The arrays whose bytes collectives move. */
export type Elements = Float32Array | Int32Array | Uint16Array | Uint8Array;

export interface CallOptions {
  readonly name: string;
  readonly tag: number;
  readonly transport: Transport;
  readonly waits: Waits;
  readonly scratch: Scratch;
}

export class Call {
  readonly rank: number;
  readonly size: number;
  /** All other ranks, beginning with the next one, so that not everybody sends to rank 0 first. */
  readonly peers: readonly number[];
  readonly #options: CallOptions;
  readonly #taken: Float32Array[] = [];

  constructor(options: CallOptions) {
    const { rank, size } = options.transport;
    this.rank = rank;
    this.size = size;
    this.peers = Array.from({ length: size - 1 }, (_, i) => (rank + 1 + i) % size);
    this.#options = options;
  }

  send(to: number, data: Elements): Promise<void> {
    const { name, tag, transport, waits } = this.#options;
    return waits.until(
      transport.send(to, tag, bytesOf(data)),
      `${name}, sending ${data.byteLength} bytes to rank ${to}`,
    );
  }

  recv(from: number, into: Elements): Promise<void> {
    const { name, tag, transport, waits } = this.#options;
    return waits.until(
      transport.recv(from, tag, bytesOf(into)),
      `${name}, waiting for ${into.byteLength} bytes from rank ${from}`,
    );
  }

  /** Scratch until the call ends. */
  allocate(length: number): Float32Array {
    const array = this.#options.scratch.take(length);
    this.#taken.push(array);
    return array;
  }

  /** Gives the scratch back; not after a failure, when late bytes may still be written to it. */
  release(): void {
    for (const array of this.#taken.splice(0)) this.#options.scratch.give(array);
  }
}

function bytesOf(data: Elements): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** The part of `data` that `rank` of `size` owns. Parts are contiguous and differ by at most one element. */
export function sliceOf<T extends Elements>(data: T, rank: number, size: number): T {
  const bound = (r: number): number => Math.floor((data.length * r) / size);
  return data.subarray(bound(rank), bound(rank + 1)) as T;
}
