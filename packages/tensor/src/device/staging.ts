// Read-back: mappable buffers, reused by size, into which a submit copies and from which the host reads.
import { bufferUsage } from './buffer-usage.ts';
import { MappableBuffers } from './mappable-buffers.ts';
import type { Tensor } from '../tensor.ts';
import { partsOf } from './memory.ts';

/** A copy that is asked for: encoded with a submit, then mapped, then taken. */
export interface Copy {
  readonly buffer: GPUBuffer;
  /** A multiple of 4. */
  readonly byteLength: number;
  encode(encoder: GPUCommandEncoder): void;
}

export class Staging {
  readonly #targets: MappableBuffers;

  constructor(device: GPUDevice) {
    const usage = bufferUsage.MAP_READ | bufferUsage.COPY_DST;
    this.#targets = new MappableBuffers(device, { label: 'staging', usage });
  }

  get buffers(): number {
    return this.#targets.count;
  }

  /** A copy of a tensor as it is when the copy is encoded. */
  copy(tensor: Tensor): Copy {
    const byteLength = Math.ceil(tensor.byteLength / 4) * 4;
    const buffer = this.#targets.take(byteLength);
    const encode = (encoder: GPUCommandEncoder): void => {
      for (const { at, from, offset, bytes } of partsOf(tensor, byteLength))
        encoder.copyBufferToBuffer(from, offset, buffer, at, bytes);
    };
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
