// A dense array on a device. Holds no arithmetic: ops are in `ops/`, memory is the device's.
import type { Device } from './device.ts';
import { ShapeError } from './errors.ts';
import { type Shape, sizeOf } from './shape.ts';

export type DType = 'f32' | 'u32';
export type TypedArray = Float32Array | Uint32Array;

/** A range of a buffer, in bytes. */
export interface Slice {
  readonly buffer: GPUBuffer;
  readonly offset: number;
}

/** A dense, row-major array on a device. Made by {@link Device}, never by hand. */
export class Tensor {
  readonly device: Device;
  readonly shape: Shape;
  readonly dtype: DType;
  readonly slice: Slice;
  /** Whether a gradient flows to or through this tensor. */
  tracked = false;

  constructor(device: Device, shape: Shape, dtype: DType, slice: Slice) {
    this.device = device;
    this.shape = shape;
    this.dtype = dtype;
    this.slice = slice;
  }

  get size(): number {
    return sizeOf(this.shape);
  }

  get byteLength(): number {
    return 4 * this.size;
  }

  /**
   * Overwrites the contents, in order with the work already asked of the device.
   * @throws {ShapeError} when the number of elements differs.
   */
  write(data: TypedArray): void {
    if (data.length !== this.size)
      throw new ShapeError(`write: expected ${this.size} elements for [${this.shape.join(', ')}], got ${data.length}`);
    this.device.write(this, data);
  }

  /** Copies the contents to the host, after all work asked for so far. Of u32 the bits come as they are, not the numbers. */
  async read(): Promise<Float32Array<ArrayBuffer>> {
    const [data] = await this.device.read([this]);
    return data!;
  }

  /** Gives the memory back. Only for tensors made outside a scope; a scope gives its own back. */
  dispose(): void {
    this.device.release(this);
  }
}

/** A tensor that a model learns: it has a name, and a gradient of the same shape. */
export class Parameter extends Tensor {
  readonly name: string;
  readonly gradient: Tensor;

  constructor(name: string, value: Tensor, gradient: Tensor) {
    super(value.device, value.shape, value.dtype, value.slice);
    this.name = name;
    this.gradient = gradient;
    this.tracked = true;
  }
}
