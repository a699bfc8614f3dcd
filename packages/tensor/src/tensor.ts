// A dense array on a device, as its user sees it: shape, element type, and what to do with it. Holds no arithmetic (that is in
// `ops/`), and does not know where its elements lie: what computes a tensor may not have run yet.
import type { Memory } from './device/memory.ts';
import { bytesPerElement, type DType, type TypedArray } from './dtype.ts';
import { DeviceError, ShapeError } from '@lockstep/errors';
import type { Layout } from './graph/layout.ts';
import { type Shape, sizeOf } from './shape.ts';

/** What a tensor asks of the device that it lies on. */
export interface TensorOwner {
  /** What the adapter can do that not all can. */
  readonly facts: { readonly f16: boolean };
  write(tensor: Tensor, data: TypedArray): void;
  read(tensors: readonly Tensor[]): Promise<readonly TypedArray[]>;
  release(tensor: Tensor): void;
}

/** Where elements lie. */
export interface Stored {
  readonly memory: Memory;
  readonly layout: Layout;
}

/** What computes a tensor when it is wanted: a node of the recorded graph. */
export interface Computation {
  readonly kind: string;
}

/** What a tensor holds. */
export interface TensorForm {
  /** The shape of one shard. */
  readonly shape: Shape;
  readonly dtype: DType;
  /** How many shards lie side by side; undefined if one value serves them all. */
  readonly shards?: number | undefined;
}

/** A dense array on a device. Made by a device or an op, never by hand. */
export class Tensor implements TensorForm {
  readonly device: TensorOwner;
  /** The shape of one shard. */
  readonly shape: Shape;
  readonly dtype: DType;
  /**
   * How many shards of the pass the tensor has values for, side by side; undefined if one value serves all shards, as weights
   * do. No shape, axis or op sees this: an op acts on each shard by itself.
   */
  readonly shards: number | undefined;
  /** Whether a gradient flows to or through this tensor. */
  tracked = false;
  /** Where its elements lie, once that is known. */
  stored: Stored | undefined;
  /** What computes them; nothing where the host or a kernel of the user's writes them. */
  readonly computation: Computation | undefined;
  /** Whether its memory has been given back: nobody may ask for the elements any more. */
  isReleased = false;

  /** @throws {DeviceError} for half floats where the adapter has none. */
  constructor(device: TensorOwner, { shape, dtype, shards }: TensorForm, source: Stored | Computation) {
    if (dtype === 'f16' && !device.facts.f16)
      throw new DeviceError(
        'tensor: expected f32, i32 or u32 on an adapter without half floats (`shader-f16`), got f16\nhint: leave the cast out, or make it depend on `device.facts.f16`',
      );
    this.device = device;
    this.stored = 'memory' in source ? source : undefined;
    this.computation = 'kind' in source ? source : undefined;
    this.shape = shape;
    this.dtype = dtype;
    this.shards = shards;
  }

  /** Elements of one shard. */
  get size(): number {
    return sizeOf(this.shape);
  }

  /** Elements of all shards. */
  get count(): number {
    return (this.shards ?? 1) * this.size;
  }

  /** Bytes of all shards. */
  get byteLength(): number {
    return bytesPerElement(this.dtype) * this.count;
  }

  /**
   * Overwrites the contents, in order with the work already asked of the device.
   * @throws {ShapeError} when the number of elements differs.
   */
  write(data: TypedArray): void {
    if (data.length !== this.count)
      throw new ShapeError(`write: expected ${this.count} elements for ${String(this)}, got ${data.length}`);
    this.device.write(this, data);
  }

  /**
   * Copies the contents to the host, after all work asked for so far: all shards, one after the other. The array is a
   * Float32Array for f32 and f16, a Uint32Array for u32, an Int32Array for i32.
   */
  async read<Data extends TypedArray = Float32Array<ArrayBuffer>>(): Promise<Data> {
    const [data] = await this.device.read([this]);
    return data as Data;
  }

  /** The only element. @throws {ShapeError} if there are others. */
  async item(): Promise<number> {
    if (this.count !== 1) throw new ShapeError(`item: expected one element, got ${String(this)}`);
    return (await this.read())[0]!;
  }

  /** Gives the memory back. Only for tensors made outside a scope; a scope gives its own back. */
  dispose(): void {
    this.device.release(this);
  }

  /** `Tensor f32 [2, 3]`, and the number of shards where there are several. */
  toString(): string {
    const shards = this.shards === undefined ? '' : ` of ${this.shards} shards`;
    return `Tensor ${this.dtype} [${this.shape.join(', ')}]${shards}`;
  }
}

// What `console.log` shows in Node.
Object.defineProperty(Tensor.prototype, Symbol.for('nodejs.util.inspect.custom'), {
  value(this: Tensor): string {
    return String(this);
  },
});

/** A tensor that a model learns: it has a name, and a gradient of the same shape. */
export class Parameter extends Tensor {
  readonly name: string;
  readonly gradient: Tensor;

  /** The values of `value`, which lie in memory, under a name. */
  constructor(name: string, value: Tensor, gradient: Tensor) {
    super(value.device, value, value.stored!);
    this.name = name;
    this.gradient = gradient;
    this.tracked = true;
  }
}
