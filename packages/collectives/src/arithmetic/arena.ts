// Memory that WebAssembly can add in without a copy, and that the threads of a process share. Collectives and bridges take
// their buffers from here where the platform allows it; what anybody puts into them is not its business.

const pageBytes = 65_536;
const maxPages = 65_536;
const alignment = 64;
/** Memory grows by this: whole large pages, where the system has such. */
const growthBytes = 2 ** 21;
/** The first page is the arena's own: here stands how much is handed out, in units of `alignment`, by whatever thread. */
const endAt = 64;
const firstFree = pageBytes;
/** Through areas of this size arrays from elsewhere are brought to be added. */
export const bounceBytes: number = 65_536;
const bounceAreas = 3;
/** Where a kernel keeps a block of numbers. */
const workBytes = 128;
const threadBytes = bounceAreas * bounceBytes + workBytes;

/** Sizes are rounded up in steps of an eighth of their power of two, so that similar lengths share memory. */
function sizeClass(bytes: number): number {
  const step = Math.max(alignment, 2 ** Math.floor(Math.log2(Math.max(1, bytes))) / 8);
  return Math.max(alignment, Math.ceil(bytes / step) * step);
}

/** One thread's way to the memory of its process. What it frees it uses again itself. */
export class Arena {
  readonly memory: WebAssembly.Memory;
  /** False in a page that is not isolated: it has no shared memory, and what cannot grow in place is not handed out. */
  readonly isShared: boolean;
  /** The addresses of the areas through which arrays from elsewhere go. */
  readonly bounces: readonly number[];
  /** The address of this thread's room for a block of numbers. */
  readonly work: number;
  readonly #free = new Map<number, number[]>();
  readonly #end: Int32Array;
  /** The buffer objects under the arrays that were made: whenever the memory grows it gets another one, over the same bytes. */
  readonly #known = new WeakSet<ArrayBufferLike>();

  /** Over the memory of another thread's arena, or over memory of its own. */
  constructor(memory?: WebAssembly.Memory) {
    this.isShared = typeof SharedArrayBuffer !== 'undefined';
    const initial = (firstFree + pageBytes * Math.ceil(threadBytes / pageBytes)) / pageBytes;
    this.memory =
      memory ??
      new WebAssembly.Memory(
        this.isShared ? { initial, maximum: maxPages, shared: true } : { initial, maximum: initial },
      );
    this.#end = new Int32Array(this.memory.buffer, endAt, 1);
    if (!memory) this.#end[0] = firstFree / alignment;
    const own = this.isShared ? this.#extend(threadBytes) : firstFree;
    if (own === undefined) throw new RangeError(`arena: expected room for ${threadBytes} bytes, got none`);
    this.bounces = Array.from({ length: bounceAreas }, (_, i) => own + i * bounceBytes);
    this.work = own + bounceAreas * bounceBytes;
  }

  /** Bytes with undefined contents, at a multiple of 64; ordinary memory where there is no more of this kind. */
  allocate(byteLength: number): Uint8Array {
    const size = sizeClass(byteLength);
    const address = this.#free.get(size)?.pop() ?? this.#extend(size);
    // As a buffer of its own, for a small array by itself would move when garbage is collected.
    return address === undefined ? new Uint8Array(new ArrayBuffer(byteLength)) : this.view(address, byteLength);
  }

  /** How many bytes {@link allocate} puts by for so many: what is there later, for another length, has as many. */
  roomFor(byteLength: number): number {
    return sizeClass(byteLength);
  }

  /** Takes back what {@link allocate} gave, of the same length. Nobody may use it any more. */
  free(bytes: Uint8Array): void {
    if (!this.holds(bytes)) return;
    const size = sizeClass(bytes.byteLength);
    const free = this.#free.get(size);
    if (free) free.push(bytes.byteOffset);
    else this.#free.set(size, [bytes.byteOffset]);
  }

  /** Whether an array lies in here: one that this arena gave, or made of one. */
  holds({ buffer }: ArrayBufferView): boolean {
    return this.#known.has(buffer);
  }

  /** The bytes at an address that an arena of this process gave. */
  view(address: number, byteLength: number): Uint8Array {
    // Another thread may have made the memory grow; this one sees that for certain when it grows it too, by nothing.
    if (address + byteLength > this.memory.buffer.byteLength) this.memory.grow(0);
    const { buffer } = this.memory;
    this.#known.add(buffer);
    return new Uint8Array(buffer, address, byteLength);
  }

  #extend(size: number): number | undefined {
    if (!this.isShared) return undefined;
    const units = Math.ceil(size / alignment);
    for (;;) {
      const end = Atomics.load(this.#end, 0);
      if (!this.#reach((end + units) * alignment)) return undefined;
      if (Atomics.compareExchange(this.#end, 0, end, end + units) === end) return end * alignment;
    }
  }

  /** Lets the memory grow where it is shorter than this. */
  #reach(byteLength: number): boolean {
    const missing = byteLength - this.memory.buffer.byteLength;
    try {
      if (missing > 0) this.memory.grow(Math.ceil(missing / growthBytes) * (growthBytes / pageBytes));
      return true;
    } catch {
      return false;
    }
  }
}

let own: Arena | undefined;

/** The arena of this thread. */
export function arena(): Arena {
  return (own ??= new Arena());
}

/** In a thread, before it uses its arena: takes part in that of the thread it was started from. */
export function shareArena(memory: WebAssembly.Memory): void {
  own = new Arena(memory);
}
