// What the host writes into tensors, from any kind of memory.
import type { Slice, TypedArray } from './tensor.ts';

export class Uploads {
  readonly #device: GPUDevice;
  #bounce = new Uint32Array(0);

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  /** Writes in the order of the queue. The data may be overwritten afterwards. */
  write({ buffer, offset }: Slice, data: TypedArray): void {
    this.#device.queue.writeBuffer(buffer, offset, this.#unshared(data));
  }

  /** Dawn in Node crashes on memory that is shared between threads: such data goes by way of memory that is not. */
  #unshared(data: TypedArray): Uint32Array<ArrayBuffer> {
    const words = new Uint32Array(data.buffer, data.byteOffset, data.length);
    if (words.buffer instanceof ArrayBuffer) return words as Uint32Array<ArrayBuffer>;
    if (this.#bounce.length < words.length) this.#bounce = new Uint32Array(words.length);
    const copy = this.#bounce.subarray(0, words.length);
    copy.set(words);
    return copy;
  }
}
