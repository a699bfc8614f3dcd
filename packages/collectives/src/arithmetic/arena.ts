// Memory that WebAssembly can add in without a copy, and that threads can share. Collectives and bridges take their
// buffers from here where the platform allows it; what anybody puts into them is not its business.

const pageBytes = 65_536;
const maxPages = 65_536;
const alignment = 64;
/** The first page is WebAssembly's own; the next ones are where arrays from elsewhere are brought to be added. */
export const bounceBytes: number = pageBytes;
const bounceAreas = 3;
const firstFree = pageBytes + bounceAreas * bounceBytes;

/** Sizes are rounded up in steps of an eighth of their power of two, so that similar lengths share memory. */
function sizeClass(bytes: number): number {
  const step = Math.max(alignment, 2 ** Math.floor(Math.log2(Math.max(1, bytes))) / 8);
  return Math.max(alignment, Math.ceil(bytes / step) * step);
}

export class Arena {
  readonly memory: WebAssembly.Memory;
  /** False in a page that is not isolated: it has no shared memory, and what cannot grow in place is not handed out. */
  readonly isShared: boolean;
  readonly #free = new Map<number, number[]>();
  #end = firstFree;

  constructor() {
    this.isShared = typeof SharedArrayBuffer !== 'undefined';
    const initial = firstFree / pageBytes;
    this.memory = new WebAssembly.Memory(
      this.isShared ? { initial, maximum: maxPages, shared: true } : { initial, maximum: initial },
    );
  }

  /** The addresses of the areas through which arrays from elsewhere go. */
  readonly bounces: readonly number[] = Array.from({ length: bounceAreas }, (_, i) => pageBytes + i * bounceBytes);

  /** Bytes with undefined contents, at a multiple of 64; ordinary memory where there is no more of this kind. */
  allocate(byteLength: number): Uint8Array {
    const size = sizeClass(byteLength);
    const address = this.#free.get(size)?.pop() ?? this.#extend(size);
    return address === undefined ? new Uint8Array(byteLength) : new Uint8Array(this.memory.buffer, address, byteLength);
  }

  /** Takes back what {@link allocate} gave, of the same length. Nobody may use it any more. */
  free(bytes: Uint8Array): void {
    if (!this.holds(bytes)) return;
    const size = sizeClass(bytes.byteLength);
    const free = this.#free.get(size);
    if (free) free.push(bytes.byteOffset);
    else this.#free.set(size, [bytes.byteOffset]);
  }

  /** Whether an array lies in here. Growing gives the memory a new buffer object, over the same bytes. */
  holds({ buffer }: ArrayBufferView): boolean {
    return buffer === this.memory.buffer || this.#known.has(buffer);
  }

  /** Buffer objects of before the memory grew: arrays made then still lie over them. */
  readonly #known = new WeakSet<ArrayBufferLike>();

  #extend(size: number): number | undefined {
    if (!this.isShared) return undefined;
    const address = this.#end;
    const missing = Math.ceil((address + size - this.memory.buffer.byteLength) / pageBytes);
    if (missing > 0 && !this.#grow(missing)) return undefined;
    this.#end += size;
    return address;
  }

  #grow(pages: number): boolean {
    this.#known.add(this.memory.buffer);
    try {
      this.memory.grow(pages);
      return true;
    } catch {
      return false;
    }
  }
}

let shared: Arena | undefined;

/** The arena of this process. */
export function arena(): Arena {
  return (shared ??= new Arena());
}
