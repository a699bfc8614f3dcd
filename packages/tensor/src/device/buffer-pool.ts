// Storage buffers by size class: a buffer given back is handed out again, so that a loop of the same shapes
// allocates nothing after its first turn. Knows nothing of tensors or of who uses a buffer.

const alignment = 256;

/** Sizes are rounded up in steps of an eighth of their power of two, so that similar shapes share buffers. */
function sizeClass(bytes: number): number {
  const step = Math.max(alignment, 2 ** Math.floor(Math.log2(Math.max(1, bytes))) / 8);
  return Math.max(alignment, Math.ceil(bytes / step) * step);
}

export class BufferPool {
  readonly #device: GPUDevice;
  readonly #free = new Map<number, GPUBuffer[]>();
  #buffers = 0;
  #bytes = 0;

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  /** Buffers and bytes that exist, in use or not. */
  get stats(): { buffers: number; bytes: number } {
    return { buffers: this.#buffers, bytes: this.#bytes };
  }

  /** A buffer of at least `bytes`, with whatever its last user left in it. */
  take(bytes: number): GPUBuffer {
    const size = sizeClass(bytes);
    return this.#free.get(size)?.pop() ?? this.#create(size);
  }

  give(buffer: GPUBuffer): void {
    const free = this.#free.get(buffer.size);
    if (free) free.push(buffer);
    else this.#free.set(buffer.size, [buffer]);
  }

  /** Destroys the buffers that nobody uses. */
  trim(): void {
    for (const buffer of [...this.#free.values()].flat()) {
      this.#buffers--;
      this.#bytes -= buffer.size;
      buffer.destroy();
    }
    this.#free.clear();
  }

  #create(size: number): GPUBuffer {
    this.#buffers++;
    this.#bytes += size;
    return this.#device.createBuffer({
      label: `pool ${size}`,
      size,
      usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
    });
  }
}
