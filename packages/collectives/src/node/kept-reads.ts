// Reads of an accepted socket into memory that is kept and used again: Node makes new memory of 64 KiB for each read, and
// long reads into memory that is there cost much less.

import { Socket } from 'node:net';
import { arena } from '../arithmetic/arena.ts';

/**
 * Memory of a connection at first, and from its first long read until it is closed: room for a frame that is not whole
 * (1 MiB), for the next read, and for what the last one left at the end.
 */
const [firstBytes, fullBytes] = [64 * 1024, 2 * 2 ** 20];
/** A read takes at most this part of the memory. */
const partsOfMemory = 4;

/**
 * Where the reads of one connection go, one behind the other and round again. Messages are views on it until they are
 * whole, and those who get one copy it before they return. So all that was read since the last whole message is held, and
 * with it the read that brought the end of that one; where a read finds no room beside what is held, it gets memory of its
 * own, as it would from Node. It lies in the arena, from where a message is copied fastest to where it belongs.
 */
export class ReadMemory {
  #memory: Buffer = Buffer.allocUnsafeSlow(firstBytes);
  #mayGrow = false;
  #at = 0;
  /** Bytes before `#at`, around the end too. */
  #held = 0;
  #lastRead = 0;

  /** For who has proved who it is: strangers get no more than they had. */
  allowGrowth(): void {
    this.#mayGrow = true;
  }

  /** Where the next read goes. */
  next(): Buffer {
    if (this.#mayGrow && this.#memory.length === firstBytes && this.#lastRead === this.#part) this.#grow();
    if (this.#at + this.#part > this.#memory.length) {
      this.#held += this.#memory.length - this.#at;
      this.#at = 0;
    }
    const isRoom = this.#held + this.#part <= this.#memory.length;
    return isRoom ? this.#memory.subarray(this.#at, this.#at + this.#part) : Buffer.allocUnsafeSlow(this.#part);
  }

  /** A read has brought `length` bytes to where `next` said. */
  filled(length: number, where: Buffer): void {
    const isHere = where.buffer === this.#memory.buffer;
    this.#lastRead = isHere ? length : 0;
    this.#at += this.#lastRead;
    this.#held += this.#lastRead;
  }

  /** A message is whole and was copied: of later ones there is nothing but what the last read has brought. */
  release(): void {
    this.#held = this.#lastRead;
  }

  /** Nobody reads any more. */
  free(): void {
    arena().free(this.#memory);
  }

  get #part(): number {
    return this.#memory.length / partsOfMemory;
  }

  #grow(): void {
    const { buffer, byteOffset, length } = arena().allocate(fullBytes);
    this.#memory = Buffer.from(buffer, byteOffset, length);
    this.#at = this.#held = 0;
  }
}

/** What a `Socket` has below it. It is not documented: where it is missing, reads stay as they are. */
interface Handle {
  readonly useUserBuffer?: unknown;
}

/**
 * Goes on with the connection of `accepted`, which has no bytes left to give, and reads into `memory`. Node offers that to
 * who opens a connection; who accepts one has to put a second `Socket` over the same handle.
 */
export function readInto(memory: ReadMemory, accepted: Socket): Socket {
  const below = accepted as unknown as { _handle?: Handle | null };
  const handle = below._handle;
  if (!handle?.useUserBuffer) return accepted;
  const callback = (length: number, where: Buffer): boolean => {
    memory.filled(length, where);
    return wire.emit('data', where.subarray(0, length));
  };
  const wire = new Socket({ handle, onread: { buffer: () => memory.next(), callback } } as object);
  below._handle = null;
  wire.once('close', () => {
    memory.free();
    accepted.destroy(); // until then its server counts it
  });
  return wire;
}
