// Kernel parameters are constants of a dispatch, so each distinct set of them is written once and kept: a step that
// is replayed writes no uniform. Values that change from step to step belong in tensors, never here.
import { bufferUsage } from './buffer-usage.ts';
import type { AnyKernel } from '@lockstep/kernels';
import { DeviceError } from '@lockstep/errors';

const slotsPerChunk = 64;

/** Packs the Params struct: scalars of four bytes, in order. */
function pack(kernel: AnyKernel, params: Record<string, number>): Uint32Array<ArrayBuffer> {
  const words = new Uint32Array(Math.ceil(kernel.params.length / 4) * 4);
  const floats = new Float32Array(words.buffer);
  kernel.params.forEach(({ name, type }, i) => {
    const value = params[name];
    if (value === undefined) throw new DeviceError(`${kernel.name}: expected a value for ${name}, got none`);
    if (type === 'f32') floats[i] = value;
    else words[i] = value;
  });
  return words;
}

export class Uniforms {
  readonly #device: GPUDevice;
  readonly #slotBytes: number;
  readonly #slots = new Map<string, GPUBufferBinding>();
  #chunk: GPUBuffer | undefined;

  constructor(device: GPUDevice) {
    this.#device = device;
    this.#slotBytes = Math.max(256, device.limits.minUniformBufferOffsetAlignment);
  }

  /** The binding that holds these parameters. */
  bind(kernel: AnyKernel, params: Record<string, number>): GPUBufferBinding {
    const words = pack(kernel, params);
    const key = words.join();
    let slot = this.#slots.get(key);
    if (!slot) this.#slots.set(key, (slot = this.#write(words)));
    return slot;
  }

  #write(words: Uint32Array<ArrayBuffer>): GPUBufferBinding {
    const index = this.#slots.size % slotsPerChunk;
    if (index === 0 || !this.#chunk) this.#chunk = this.#createChunk();
    const offset = index * this.#slotBytes;
    this.#device.queue.writeBuffer(this.#chunk, offset, words);
    return { buffer: this.#chunk, offset, size: words.byteLength };
  }

  #createChunk(): GPUBuffer {
    return this.#device.createBuffer({
      label: 'uniforms',
      size: slotsPerChunk * this.#slotBytes,
      usage: bufferUsage.UNIFORM | bufferUsage.COPY_DST,
    });
  }
}
