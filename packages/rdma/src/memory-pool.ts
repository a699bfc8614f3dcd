// Memory that UCX may touch: shared with its thread, at addresses that do not move, registered once and used again.

import { arena } from '@lockstep/collectives';
import koffi from 'koffi';

/** Some memory of the pool. */
export interface Region {
  readonly memory: SharedArrayBuffer;
  readonly bytes: Uint8Array;
  readonly address: number;
}

const smallestRegion = 4096;

export class MemoryPool {
  readonly #register: (address: number, byteLength: number) => void;
  /** Regions not in use, by size: a power of two. */
  readonly #free = new Map<number, Region[]>();
  /** Addresses of arrays of the arena that are pinned. */
  readonly #pinned = new Set<number>();

  /** `register` pins memory where the fabric wants it. */
  constructor(register: (address: number, byteLength: number) => void) {
    this.#register = register;
  }

  /** At least `byteLength` bytes with undefined contents. Give them back after use. */
  take(byteLength: number): Region {
    const size = Math.max(smallestRegion, 2 ** Math.ceil(Math.log2(byteLength)));
    return this.#free.get(size)?.pop() ?? this.#create(size);
  }

  give(region: Region): void {
    const size = region.memory.byteLength;
    const free = this.#free.get(size);
    if (free) free.push(region);
    else this.#free.set(size, [region]);
  }

  /** `byteLength` bytes of the arena, in which collectives add without a copy. Who frees them leaves them pinned. */
  allocate(byteLength: number): Uint8Array {
    const bytes = arena().allocate(byteLength);
    const address = addressOf(bytes);
    if (arena().holds(bytes) && !this.#pinned.has(address)) {
      this.#register(address, arena().roomFor(byteLength));
      this.#pinned.add(address);
    }
    return bytes;
  }

  #create(size: number): Region {
    const memory = new SharedArrayBuffer(size);
    const bytes = new Uint8Array(memory);
    const address = addressOf(bytes);
    this.#register(address, size);
    return { memory, bytes, address };
  }
}

/** Where the bytes of an array are; 0 where it has none. */
export function addressOf(bytes: Uint8Array): number {
  return bytes.length === 0 ? 0 : Number(koffi.address(bytes));
}
