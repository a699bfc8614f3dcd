// Read-back: mappable buffers, reused by size, into which a submit copies and from which the host reads.
import type { Tensor } from './tensor.ts';

/** A copy that is asked for: encoded with a submit, then mapped, then taken. */
export interface Copy {
  readonly buffer: GPUBuffer;
  readonly byteLength: number;
  encode(encoder: GPUCommandEncoder): void;
}

export class Staging {
  readonly #device: GPUDevice;
  readonly #free: GPUBuffer[] = [];
  #buffers = 0;

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  get buffers(): number {
    return this.#buffers;
  }

  /** A copy of a tensor as it is when the copy is encoded. */
  copy({ slice, byteLength }: Tensor): Copy {
    const buffer = this.#reuse(byteLength);
    const encode = (encoder: GPUCommandEncoder): void =>
      encoder.copyBufferToBuffer(slice.buffer, slice.offset, buffer, 0, byteLength);
    return { buffer, byteLength, encode };
  }

  /** Resolves when the device has made the copies. Where one cannot be read, none is kept for reuse. */
  async map(copies: readonly Copy[]): Promise<void> {
    try {
      await Promise.all(copies.map(({ buffer, byteLength }) => buffer.mapAsync(GPUMapMode.READ, 0, byteLength)));
    } catch (error) {
      for (const { buffer } of copies) buffer.destroy();
      this.#buffers -= copies.length;
      throw error;
    }
  }

  /** The bytes of mapped copies, as new arrays or, where given, into existing ones. */
  take<Data extends Float32Array>(
    copies: readonly Copy[],
    into: readonly Data[],
  ): (Data | Float32Array<ArrayBuffer>)[] {
    return copies.map(({ buffer, byteLength }, i) => {
      const mapped = new Float32Array(buffer.getMappedRange(0, byteLength));
      const data = into[i] ?? new Float32Array(mapped.length);
      data.set(mapped);
      buffer.unmap();
      this.#free.push(buffer);
      return data;
    });
  }

  /** The smallest free buffer that is large enough, or a new one. */
  #reuse(bytes: number): GPUBuffer {
    const fitting = this.#free.filter(({ size }) => size >= bytes).toSorted((a, b) => a.size - b.size)[0];
    if (!fitting) return this.#create(bytes);
    this.#free.splice(this.#free.indexOf(fitting), 1);
    return fitting;
  }

  #create(bytes: number): GPUBuffer {
    this.#buffers++;
    return this.#device.createBuffer({
      label: 'staging',
      size: Math.max(16, bytes),
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    });
  }
}
