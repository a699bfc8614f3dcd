// The weights of a model on a device. All of them lie in one flat buffer, their gradients in another of the same layout,
// so that an optimizer is one dispatch, a gradient one read-back, and a reduction one message.
import { type Device, fillNormal, Parameter, type Shape, sizeOf, streamOf, type Tensor } from '@lockstep/tensor';
import { CheckpointError, ConfigError } from '@lockstep/errors';
import type { Model, ParameterSpec } from './models/model.ts';

/** Host copies of parameters, or of optimizer state, by name. */
export type TensorMap = Map<string, { readonly shape: Shape; readonly data: Float32Array<ArrayBuffer> }>;

/** Each parameter begins at a multiple of this, which is also the grain of per-parameter settings such as weight decay. */
export const blockSize = 64;

const padded = (size: number): number => Math.ceil(size / blockSize) * blockSize;

/** Where named values lie in a flat tensor: each begins at a multiple of {@link blockSize}, the last one first. */
class FlatLayout {
  readonly specs: readonly ParameterSpec[];
  readonly size: number;
  readonly starts: ReadonlyMap<string, number>;

  constructor(specs: readonly ParameterSpec[]) {
    const starts = new Map<string, number>();
    let size = 0;
    for (const { name, shape } of specs.toReversed()) {
      starts.set(name, size);
      size += padded(sizeOf(shape));
    }
    this.specs = specs;
    this.size = size;
    this.starts = starts;
  }

  /** @throws {CheckpointError} for a value that is missing or of another shape. */
  pack(values: TensorMap): Float32Array<ArrayBuffer> {
    const flat = new Float32Array(this.size);
    for (const { name, shape } of this.specs) {
      const value = values.get(name);
      if (!value)
        throw new CheckpointError(`parameters: expected ${name} of [${shape.join(', ')}], got nothing of that name`);
      if (value.shape.join() !== shape.join()) {
        throw new CheckpointError(
          `parameters: expected ${name} of [${shape.join(', ')}], got [${value.shape.join(', ')}]`,
        );
      }
      flat.set(value.data, this.starts.get(name)!);
    }
    return flat;
  }

  unpack(flat: Float32Array<ArrayBuffer>): TensorMap {
    return new Map(
      this.specs.map(({ name, shape }) => {
        const start = this.starts.get(name)!;
        return [name, { shape, data: flat.slice(start, start + sizeOf(shape)) }];
      }),
    );
  }
}

/**
 * A model's weights on a device, and their gradients: each in one flat buffer, f32, with a tensor in the shape of every parameter.
 */
export class Parameters {
  readonly device: Device;
  /** The name and shape of every parameter, frozen ones included. */
  readonly specs: readonly ParameterSpec[];
  /** All weights that are learned; the padding between parameters is zero and stays so. */
  readonly weights: Tensor;
  /** All gradients in the layout of {@link weights}, then one more block for what travels with them: {@link extras}. */
  readonly gradients: Tensor;
  /** The last block of {@link gradients}: free for scalars that are to be summed as gradients are, such as the loss. */
  readonly extras: Tensor;
  readonly #learned: FlatLayout;
  readonly #frozen: FlatLayout;
  readonly #frozenWeights: Tensor | undefined;
  readonly #parameters = new Map<string, Tensor>();

  /**
   * Puts a model on a device: allocates its parameters, and makes its buffers; {@link initialize} or {@link load} fills the parameters.
   * They are laid out last first, which is the order in which backward finishes their gradients.
   * @throws {ConfigError} for a model all of whose parameters are frozen.
   */
  constructor(device: Device, model: Pick<Model, 'parameters' | 'slots' | 'buffers'>) {
    this.device = device;
    this.specs = model.parameters;
    this.#learned = new FlatLayout(this.specs.filter(({ frozen }) => !frozen));
    this.#frozen = new FlatLayout(this.specs.filter(({ frozen }) => frozen));
    const { size } = this.#learned;
    if (size === 0) throw new ConfigError('parameters: expected some that are learned, got frozen ones only');
    this.weights = device.empty([size]);
    this.gradients = device.empty([size + blockSize]);
    this.extras = device.view(this.gradients, size, [blockSize]);
    device.fill(this.weights, 0);
    device.fill(this.gradients, 0);
    this.#frozenWeights = this.#frozen.size > 0 ? device.empty([this.#frozen.size]) : undefined;
    for (const spec of this.specs) this.#parameters.set(spec.name, this.#tensorOf(spec));
    for (const [name, slot] of model.slots) slot.bind(this.#parameters.get(name)!);
    for (const slot of model.buffers) slot.bind(device);
  }

  #tensorOf({ name, shape, frozen }: ParameterSpec): Tensor {
    const { device } = this;
    if (frozen) return device.view(this.#frozenWeights!, this.#frozen.starts.get(name)!, shape);
    const start = this.#learned.starts.get(name)!;
    return new Parameter(name, device.view(this.weights, start, shape), device.view(this.gradients, start, shape));
  }

  /** The parameters that are learned, in the order of {@link specs}. */
  get learned(): readonly ParameterSpec[] {
    return this.#learned.specs;
  }

  /** Number of values, frozen ones included. */
  get count(): number {
    return this.specs.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  }

  /** A parameter by name. @throws {CheckpointError} when the model has none of that name. */
  get(name: string): Tensor {
    const parameter = this.#parameters.get(name);
    if (!parameter) throw new CheckpointError(`parameters: expected a name of the model, got ${name}`);
    return parameter;
  }

  /** Where a parameter that is learned begins in the flat layout. @throws {CheckpointError} when there is none of that name. */
  startOf(name: string): number {
    const start = this.#learned.starts.get(name);
    if (start === undefined) throw new CheckpointError(`parameters: expected a name of the model, got ${name}`);
    return start;
  }

  /** One value per block of 64 elements, from a function of the parameter it belongs to. */
  perBlock(value: (spec: ParameterSpec) => number): Float32Array<ArrayBuffer> {
    const blocks = new Float32Array(this.weights.size / blockSize);
    for (const spec of this.learned) {
      const start = this.startOf(spec.name) / blockSize;
      blocks.fill(value(spec), start, start + padded(sizeOf(spec.shape)) / blockSize);
    }
    return blocks;
  }

  /** Draws every parameter from the seed and its own name: the same values in every engine, whatever else is drawn. */
  initialize(seed: number): void {
    this.load(new Map(this.specs.map((spec) => [spec.name, { shape: spec.shape, data: drawInitial(spec, seed) }])));
  }

  /**
   * Takes values for all parameters.
   * @throws {CheckpointError} for one that is missing, unknown, or of another shape.
   */
  load(values: TensorMap): void {
    const unknown = [...values.keys()].find((name) => !this.#parameters.has(name));
    if (unknown !== undefined) throw new CheckpointError(`parameters: expected names of the model, got ${unknown}`);
    const [learned, frozen] = [this.#learned.pack(values), this.#frozen.pack(values)];
    this.weights.write(learned);
    this.#frozenWeights?.write(frozen);
  }

  /** Takes values for some parameters; the others keep theirs. @throws {CheckpointError} for one that is unknown, or of another shape. */
  replace(values: TensorMap): void {
    for (const [name, { shape, data }] of values) {
      const parameter = this.get(name);
      if (parameter.shape.join() !== shape.join())
        throw new CheckpointError(
          `parameters: expected ${name} of [${parameter.shape.join(', ')}], got [${shape.join(', ')}]`,
        );
      parameter.write(data);
    }
  }

  /** Host copies of all weights. */
  async read(): Promise<TensorMap> {
    const learned = this.unpack(await this.weights.read());
    if (!this.#frozenWeights) return learned;
    const frozen = this.#frozen.unpack(await this.#frozenWeights.read());
    return new Map(this.specs.map(({ name }) => [name, (learned.get(name) ?? frozen.get(name))!]));
  }

  /**
   * Named values of what is learned, in the layout of {@link weights}; also for optimizer state, which has the same layout.
   * @throws {CheckpointError} for one that is missing, unknown, or of another shape.
   */
  pack(values: TensorMap): Float32Array<ArrayBuffer> {
    const unknown = [...values.keys()].find((name) => !this.#learned.starts.has(name));
    if (unknown !== undefined) throw new CheckpointError(`parameters: expected names of the model, got ${unknown}`);
    return this.#learned.pack(values);
  }

  /** The inverse of {@link pack}. */
  unpack(flat: Float32Array<ArrayBuffer>): TensorMap {
    return this.#learned.unpack(flat);
  }
}

/** How a parameter begins. @throws {ConfigError} for numbers that do not fit its shape. */
export function drawInitial({ name, shape, initial }: ParameterSpec, seed: number): Float32Array<ArrayBuffer> {
  const normal = (std: number): Float32Array<ArrayBuffer> => {
    const data = new Float32Array(sizeOf(shape));
    fillNormal(data, { seed, stream: streamOf(name), std });
    return data;
  };
  if (typeof initial === 'number') return new Float32Array(sizeOf(shape)).fill(initial);
  if (typeof initial !== 'function') return normal(initial.std);
  const data = initial(shape, normal);
  if (data instanceof Float32Array && data.length === sizeOf(shape)) return data;
  throw new ConfigError(
    `${name}: expected ${sizeOf(shape)} numbers in a Float32Array from \`initial\`, got ${data instanceof Float32Array ? data.length : typeof data}`,
  );
}
