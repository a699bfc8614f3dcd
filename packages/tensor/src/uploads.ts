// What the host writes into tensors, from any kind of memory: small things now and then, and large ones at every step.
import { MappableBuffers } from './mappable-buffers.ts';
import type { Slice, TypedArray } from './tensor.ts';

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
    const usage = GPUBufferUsage.MAP_WRITE | GPUBufferUsage.COPY_SRC;
    this.#sources = new MappableBuffers(device, { label: 'upload', usage, mappedAtCreation: true });
  }

  get buffers(): number {
    return this.#sources.count;
  }

  /** Writes in the order of the queue. */
  write({ buffer, offset }: Slice, data: TypedArray): void {
    this.#device.queue.writeBuffer(buffer, offset, unshared(data));
  }

  /**
   * Takes the data now; they are in the tensor after the copy. On a CPU adapter several times as fast as a write of the queue,
   * which makes fresh memory for whatever is large.
   */
  copy({ buffer, offset }: Slice, data: TypedArray): Upload {
    const { byteLength } = data;
    const source = this.#sources.take(byteLength);
    const words = new Uint32Array(data.buffer, data.byteOffset, data.length);
    new Uint32Array(source.getMappedRange(0, byteLength)).set(words);
    source.unmap();
    return {
      encode: (encoder) => encoder.copyBufferToBuffer(source, 0, buffer, offset, byteLength),
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
