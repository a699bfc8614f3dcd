// The weights of a model on a device. All of them lie in one flat buffer, their gradients in another of the same layout,
// so that an optimizer is one dispatch, a gradient one read-back, and a reduction one message.
import { type Device, fillNormal, Parameter, type Shape, sizeOf, streamOf, type Tensor } from '@lockstep/tensor';
import { CheckpointError } from './errors.ts';

/** How a parameter begins: normal numbers, or one value. */
export type Initial = { readonly std: number } | { readonly value: number };

/** What a model says of one parameter. */
export interface ParameterSpec {
  /** Hugging Face's name, which also keys the parameter's random stream. */
  readonly name: string;
  readonly shape: Shape;
  readonly initial: Initial;
}

/** Numbers that a model computes with and does not learn, such as tables of angles: made once for each device. */
export interface BufferSpec {
  readonly name: string;
  readonly make: (device: Device) => Tensor;
}

/** Host copies of parameters, or of optimizer state, by name. */
export type TensorMap = Map<string, { readonly shape: Shape; readonly data: Float32Array<ArrayBuffer> }>;

/** Each parameter begins at a multiple of this, which is also the grain of per-parameter settings such as weight decay. */
export const blockSize = 64;

const padded = (size: number): number => Math.ceil(size / blockSize) * blockSize;

export class Parameters {
  readonly device: Device;
  readonly specs: readonly ParameterSpec[];
  /** All weights; the padding between parameters is zero and stays so. */
  readonly weights: Tensor;
  /** All gradients in the layout of {@link weights}, then one more block for what travels with them: {@link extras}. */
  readonly gradients: Tensor;
  /** The last block of {@link gradients}: free for scalars that are to be summed as gradients are, such as the loss. */
  readonly extras: Tensor;
  readonly #starts = new Map<string, number>();
  readonly #parameters = new Map<string, Parameter>();
  readonly #buffers = new Map<string, Tensor>();

  /**
   * Allocates the parameters; {@link initialize} or {@link load} fills them. They are laid out last first, which is the
   * order in which backward finishes their gradients.
   */
  constructor(
    device: Device,
    model: { readonly parameters: readonly ParameterSpec[]; readonly buffers: readonly BufferSpec[] },
  ) {
    const specs = model.parameters;
    this.device = device;
    for (const { name, make } of model.buffers) this.#buffers.set(name, make(device));
    this.specs = specs;
    let size = 0;
    for (const { name, shape } of specs.toReversed()) {
      this.#starts.set(name, size);
      size += padded(sizeOf(shape));
    }
    this.weights = device.empty([size]);
    this.gradients = device.empty([size + blockSize]);
    this.extras = device.view(this.gradients, size, [blockSize]);
    device.fill(this.weights, 0);
    device.fill(this.gradients, 0);
    for (const { name, shape } of specs) {
      const start = this.#starts.get(name)!;
      this.#parameters.set(
        name,
        new Parameter(name, device.view(this.weights, start, shape), device.view(this.gradients, start, shape)),
      );
    }
  }

  /** Number of learned values. */
  get count(): number {
    return this.specs.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  }

  /** A parameter by name. @throws {CheckpointError} when the model has none of that name. */
  get(name: string): Parameter {
    const parameter = this.#parameters.get(name);
    if (!parameter) throw new CheckpointError(`parameters: expected a name of the model, got ${name}`);
    return parameter;
  }

  /** Where a parameter begins in the flat layout. @throws {CheckpointError} when the model has none of that name. */
  startOf(name: string): number {
    return this.#starts.get(this.get(name).name)!;
  }

  /** What the model declared as a buffer. @throws {CheckpointError} when it has none of that name. */
  buffer(name: string): Tensor {
    const buffer = this.#buffers.get(name);
    if (!buffer) throw new CheckpointError(`parameters: expected a buffer of the model, got ${name}`);
    return buffer;
  }

  /** One value per block of {@link blockSize} elements, from a function of the parameter it belongs to. */
  perBlock(value: (spec: ParameterSpec) => number): Float32Array<ArrayBuffer> {
    const blocks = new Float32Array(this.weights.size / blockSize);
    for (const spec of this.specs) {
      const start = this.#starts.get(spec.name)! / blockSize;
      blocks.fill(value(spec), start, start + padded(sizeOf(spec.shape)) / blockSize);
    }
    return blocks;
  }

  /** Draws every parameter from the seed and its own name: the same values in every engine, whatever else is drawn. */
  initialize(seed: number): void {
    this.load(new Map(this.specs.map((spec) => [spec.name, { shape: spec.shape, data: draw(spec, seed) }])));
  }

  /**
   * Takes values for all parameters.
   * @throws {CheckpointError} for one that is missing, unknown, or of another shape.
   */
  load(values: TensorMap): void {
    this.weights.write(this.pack(values));
  }

  /** Host copies of all weights. */
  async read(): Promise<TensorMap> {
    return this.unpack(await this.weights.read());
  }

  /** Named values in the layout of {@link weights}; also for optimizer state, which has the same layout. */
  pack(values: TensorMap): Float32Array<ArrayBuffer> {
    const flat = new Float32Array(this.weights.size);
    for (const { name, shape } of this.specs) {
      const value = values.get(name);
      if (!value)
        throw new CheckpointError(`parameters: expected ${name} of [${shape.join(', ')}], got nothing of that name`);
      if (value.shape.join() !== shape.join()) {
        throw new CheckpointError(
          `parameters: expected ${name} of [${shape.join(', ')}], got [${value.shape.join(', ')}]`,
        );
      }
      flat.set(value.data, this.#starts.get(name)!);
    }
    const unknown = [...values.keys()].find((name) => !this.#starts.has(name));
    if (unknown !== undefined) throw new CheckpointError(`parameters: expected names of the model, got ${unknown}`);
    return flat;
  }

  /** The inverse of {@link pack}. */
  unpack(flat: Float32Array<ArrayBuffer>): TensorMap {
    return new Map(
      this.specs.map(({ name, shape }) => {
        const start = this.#starts.get(name)!;
        return [name, { shape, data: flat.slice(start, start + sizeOf(shape)) }];
      }),
    );
  }
}

function draw({ name, shape, initial }: ParameterSpec, seed: number): Float32Array<ArrayBuffer> {
  const data = new Float32Array(sizeOf(shape));
  if ('value' in initial) data.fill(initial.value);
  else fillNormal(data, { seed, stream: streamOf(name), std: initial.std });
  return data;
}
