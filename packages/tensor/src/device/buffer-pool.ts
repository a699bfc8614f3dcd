// Storage buffers by size class: a buffer given back is handed out again, so that a loop of the same shapes
// allocates nothing after its first turn. Knows nothing of tensors or of who uses a buffer.
import { bufferUsage } from './buffer-usage.ts';

const alignment = 256;

/** Sizes are rounded up in steps of an eighth of their power of two, so that similar shapes share buffers. */
function sizeClass(bytes: number): number {
  const step = Math.max(alignment, 2 ** Math.floor(Math.log2(Math.max(1, bytes))) / 8);
  return Math.max(alignment, Math.ceil(bytes / step) * step);
}

export class BufferPool {
  readonly #device: GPUDevice;
  readonly #free = new Map<number, GPUBuffer[]>();
  /** All that exist, in use or not. */
  readonly #buffers = new Set<GPUBuffer>();
  #bytes = 0;

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  /** Buffers and bytes that exist, in use or not. */
  get stats(): { buffers: number; bytes: number } {
    return { buffers: this.#buffers.size, bytes: this.#bytes };
  }

  /** What exists now. */
  get existing(): ReadonlySet<GPUBuffer> {
    return new Set(this.#buffers);
  }

  /** A buffer of at least `bytes`, with whatever its last user left in it. */
  take(bytes: number): GPUBuffer {
    const size = sizeClass(bytes);
    return this.#free.get(size)?.pop() ?? this.#create(size);
  }

  /** Takes a buffer back; one that has been destroyed meanwhile is forgotten. */
  give(buffer: GPUBuffer): void {
    if (!this.#buffers.has(buffer)) return;
    const free = this.#free.get(buffer.size);
    if (free) free.push(buffer);
    else this.#free.set(buffer.size, [buffer]);
  }

  /** Destroys the buffers that nobody uses, and those that did not exist before, whoever uses them. */
  trim(before: ReadonlySet<GPUBuffer>): void {
    const unused = new Set([...this.#free.values()].flat());
    this.#free.clear();
    for (const buffer of this.#buffers) {
      if (before.has(buffer) && !unused.has(buffer)) continue;
      this.#buffers.delete(buffer);
      this.#bytes -= buffer.size;
      buffer.destroy();
    }
  }

  #create(size: number): GPUBuffer {
    const buffer = this.#device.createBuffer({
      label: `pool ${size}`,
      size,
      usage: bufferUsage.STORAGE | bufferUsage.COPY_SRC | bufferUsage.COPY_DST,
    });
    this.#buffers.add(buffer);
    this.#bytes += size;
    return buffer;
  }
}
