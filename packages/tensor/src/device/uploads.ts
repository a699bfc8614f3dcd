// What the host writes into tensors, from any kind of memory: small things now and then, and large ones at every step.
import { bufferUsage } from './buffer-usage.ts';
import { MappableBuffers } from './mappable-buffers.ts';
import type { TypedArray } from '../dtype.ts';
import type { Tensor } from '../tensor.ts';
import { partsOf } from './memory.ts';

/** A copy to a tensor that is asked for: encoded with a submit. */
export interface Upload {
  encode(encoder: GPUCommandEncoder): void;
  /** To be called after the submit. */
  submitted(): void;
}

export class Uploads {
  readonly #device: GPUDevice;
  /** The free ones are mapped. */
  readonly #sources: MappableBuffers;

  constructor(device: GPUDevice) {
    this.#device = device;
    const usage = bufferUsage.MAP_WRITE | bufferUsage.COPY_SRC;
    this.#sources = new MappableBuffers(device, { label: 'upload', usage, mappedAtCreation: true });
  }

  get buffers(): number {
    return this.#sources.count;
  }

  /** Writes in the order of the queue. */
  write(tensor: Tensor, data: TypedArray): void {
    const words = unshared(data);
    for (const { at, from, offset, bytes } of partsOf(tensor, words.byteLength))
      this.#device.queue.writeBuffer(from, offset, words, at / 4, bytes / 4);
  }

  /**
   * Takes the data now; they are in the tensor after the copy. On a CPU adapter several times as fast as a write of the queue,
   * which makes fresh memory for whatever is large.
   */
  copy(tensor: Tensor, data: TypedArray): Upload {
    const { byteLength } = data;
    const source = this.#sources.take(byteLength);
    const words = new Uint32Array(data.buffer, data.byteOffset, data.length);
    new Uint32Array(source.getMappedRange(0, byteLength)).set(words);
    source.unmap();
    return {
      encode: (encoder) => {
        for (const { at, from, offset, bytes } of partsOf(tensor, byteLength))
          encoder.copyBufferToBuffer(source, at, from, offset, bytes);
      },
      submitted: () => void this.#recycle(source),
    };
  }

  /** Makes a buffer free again when the device has copied from it. */
  async #recycle(buffer: GPUBuffer): Promise<void> {
    try {
      await buffer.mapAsync(GPUMapMode.WRITE);
      this.#sources.give(buffer);
    } catch {
      this.#sources.destroy(buffer); // the device tells of its loss by itself
    }
  }
}

/** Dawn in Node crashes on memory that is shared between threads: such data goes by way of memory that is not. */
function unshared(data: TypedArray): Uint32Array<ArrayBuffer> {
  const words = new Uint32Array(data.buffer, data.byteOffset, data.length);
  return words.buffer instanceof ArrayBuffer ? (words as Uint32Array<ArrayBuffer>) : words.slice();
}
