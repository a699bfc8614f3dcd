// Read-back: mappable buffers, reused by size, into which a submit copies and from which the host reads.
import { MappableBuffers } from './mappable-buffers.ts';
import type { Tensor } from './tensor.ts';

/** A copy that is asked for: encoded with a submit, then mapped, then taken. */
export interface Copy {
  readonly buffer: GPUBuffer;
  readonly byteLength: number;
  encode(encoder: GPUCommandEncoder): void;
}

export class Staging {
  readonly #targets: MappableBuffers;

  constructor(device: GPUDevice) {
    const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
    this.#targets = new MappableBuffers(device, { label: 'staging', usage });
  }

  get buffers(): number {
    return this.#targets.count;
  }

  /** A copy of a tensor as it is when the copy is encoded. */
  copy({ slice, byteLength }: Tensor): Copy {
    const buffer = this.#targets.take(byteLength);
    const encode = (encoder: GPUCommandEncoder): void =>
      encoder.copyBufferToBuffer(slice.buffer, slice.offset, buffer, 0, byteLength);
    return { buffer, byteLength, encode };
  }

  /** Resolves when the device has made the copies. Where one cannot be read, none is kept for reuse. */
  async map(copies: readonly Copy[]): Promise<void> {
    try {
      await Promise.all(copies.map(({ buffer, byteLength }) => buffer.mapAsync(GPUMapMode.READ, 0, byteLength)));
    } catch (error) {
      for (const { buffer } of copies) this.#targets.destroy(buffer);
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
      this.#targets.give(buffer);
      return data;
    });
  }
}
