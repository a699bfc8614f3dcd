// One collective call as its algorithm sees it: messages under tags of its own, deadlines, scratch. Before data of a peer
// is believed, the peer has said which call it makes, and it is the same one. Algorithms are written above this.

import type { Scratch } from './scratch.ts';
import { encodeSignature, isSameSignature, mismatchError, type Signature, signatureBytes } from './signature.ts';
import type { Transport } from './transport.ts';
import type { Waits } from './waits.ts';

/** The arrays whose bytes collectives move. */
export type Elements = Float32Array | Int32Array | Uint16Array | Uint8Array;

/** What an algorithm sends and receives with. Messages of one pair of ranks arrive in the order they were sent. */
export interface Channel {
  readonly rank: number;
  send(to: number, bytes: Uint8Array): Promise<void>;
  recv(from: number, into: Uint8Array): Promise<void>;
  /** Scratch until it is released; not after a failure, when late bytes may still be written to it. */
  allocate(byteLength: number): Uint8Array;
  release(bytes: Uint8Array): void;
}

/** Segments of a call that can be told apart on the wire. */
export const maxSegments = 4095;
const signatureTags = { first: 2 ** 31, count: 2 ** 30 };
const dataTags = { first: 2 ** 31 + 2 ** 30, calls: 2 ** 18, segments: 2 ** 12 };

export interface CallOptions {
  readonly signature: Signature;
  /** Which collective of the group it is, from 0. */
  readonly number: number;
  readonly transport: Transport;
  readonly waits: Waits;
  readonly scratch: Scratch;
}

export class CallChannel {
  readonly rank: number;
  readonly size: number;
  /** All other ranks, beginning with the next one, so that not everybody sends to rank 0 first. */
  readonly peers: readonly number[];
  /** Bytes that this rank has sent, for the trace. */
  bytesSent = 0;
  readonly #options: CallOptions;
  readonly #signature: Uint8Array;
  readonly #told = new Set<number>();
  readonly #agreements = new Map<number, Promise<void>>();

  constructor(options: CallOptions) {
    const { rank, size } = options.transport;
    this.rank = rank;
    this.size = size;
    this.peers = Array.from({ length: size - 1 }, (_, i) => (rank + 1 + i) % size);
    this.#options = options;
    this.#signature = encodeSignature(options.signature);
  }

  /**
   * Compares the call with that of the neighbours. Around the ring somebody notices any difference, also between ranks
   * that would never exchange data; those who do compare with each other as well.
   */
  async agree(): Promise<void> {
    if (this.size === 1) return;
    this.#tell(this.peers[0]!);
    await this.#agreement(this.peers.at(-1)!);
  }

  /** The ranks that this call exchanged data with so far. */
  get partners(): number[] {
    return [...new Set([...this.#told, ...this.#agreements.keys()])].toSorted((a, b) => a - b);
  }

  channel(segment = 0): Channel {
    const { number, scratch } = this.#options;
    const tag = dataTags.first + (number % dataTags.calls) * dataTags.segments + segment;
    return {
      rank: this.rank,
      send: (to, bytes) => this.#send(to, tag, bytes),
      recv: (from, into) => this.#recv(from, tag, into),
      allocate: (byteLength) => scratch.take(byteLength),
      release: (bytes) => scratch.give(bytes),
    };
  }

  async #send(to: number, tag: number, bytes: Uint8Array): Promise<void> {
    const { transport, waits, signature } = this.#options;
    this.#tell(to);
    this.bytesSent += bytes.length;
    await waits.until(
      transport.send(to, tag, bytes),
      () => `${signature.name}, sending ${bytes.length} bytes to rank ${to}`,
    );
  }

  /** Not before the peer is known to make the same call: a message of another length would end the link to it. */
  async #recv(from: number, tag: number, into: Uint8Array): Promise<void> {
    const { transport, waits, signature } = this.#options;
    await this.#agreement(from);
    await waits.until(
      transport.recv(from, tag, into),
      () => `${signature.name}, waiting for ${into.length} bytes from rank ${from}`,
    );
  }

  get #signatureTag(): number {
    return signatureTags.first + (this.#options.number % signatureTags.count);
  }

  #tell(peer: number): void {
    if (this.#told.has(peer)) return;
    this.#told.add(peer);
    const { transport, waits } = this.#options;
    transport.send(peer, this.#signatureTag, this.#signature).catch((error: Error) => waits.fail(error));
  }

  #agreement(peer: number): Promise<void> {
    const known = this.#agreements.get(peer);
    if (known) return known;
    const agreement = this.#compare(peer);
    agreement.catch(() => {}); // it may fail before anybody waits for it
    this.#agreements.set(peer, agreement);
    return agreement;
  }

  async #compare(peer: number): Promise<void> {
    const { transport, waits, number, signature } = this.#options;
    const theirs = new Uint8Array(signatureBytes);
    const arrived = transport.recv(peer, this.#signatureTag, theirs);
    await waits.until(arrived, () => `${signature.name}, waiting for rank ${peer} to make the same call`);
    if (isSameSignature(this.#signature, theirs)) return;
    const signatures = [this.#signature, theirs] as const;
    const error = mismatchError({ call: number, ranks: [this.rank, peer], signatures });
    waits.fail(error);
    throw error;
  }
}

export function bytesOf(data: Elements): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** Where a whole is cut into one part for each rank. */
export interface Cuts {
  /** Parts begin at multiples of so many elements, and differ by at most one such grain; 1 unless given. */
  readonly grain?: number | undefined;
  /** The first element of each rank's part, and the length: what the grain says otherwise. */
  readonly bounds?: readonly number[] | undefined;
}

/** The part of `data` that `rank` of `size` owns. Parts are contiguous, in the order of ranks. */
export function sliceOf<T extends Elements>(data: T, rank: number, size: number, cuts: Cuts = {}): T {
  const { start, end } = sliceBounds(data.length, { rank, size, ...cuts });
  return data.subarray(start, end) as T;
}

/** Where {@link sliceOf} cuts. */
export function sliceBounds(
  length: number,
  { rank, size, grain = 1, bounds }: { rank: number; size: number } & Cuts,
): { start: number; end: number } {
  if (bounds) return { start: bounds[rank]!, end: bounds[rank + 1]! };
  const grains = Math.ceil(length / grain);
  const bound = (r: number): number => Math.min(length, Math.floor((grains * r) / size) * grain);
  return { start: bound(rank), end: bound(rank + 1) };
}
