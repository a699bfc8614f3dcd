// Buffers that the host maps, kept for reuse: whoever needs one gets the smallest that is large enough, or a new one.

export class MappableBuffers {
  readonly #device: GPUDevice;
  readonly #descriptor: Omit<GPUBufferDescriptor, 'size'>;
  readonly #free: GPUBuffer[] = [];
  #count = 0;

  constructor(device: GPUDevice, descriptor: Omit<GPUBufferDescriptor, 'size'>) {
    this.#device = device;
    this.#descriptor = descriptor;
  }

  /** How many there are, in use or not. */
  get count(): number {
    return this.#count;
  }

  /** At least `bytes` long. Give it back, or destroy it. */
  take(bytes: number): GPUBuffer {
    const fitting = this.#free.filter(({ size }) => size >= bytes).toSorted((a, b) => a.size - b.size)[0];
    if (!fitting) return this.#create(bytes);
    this.#free.splice(this.#free.indexOf(fitting), 1);
    return fitting;
  }

  give(buffer: GPUBuffer): void {
    this.#free.push(buffer);
  }

  /** Instead of giving it back. */
  destroy(buffer: GPUBuffer): void {
    this.#count--;
    buffer.destroy();
  }

  #create(bytes: number): GPUBuffer {
    this.#count++;
    return this.#device.createBuffer({ ...this.#descriptor, size: Math.max(16, bytes) });
  }
}
