// What a layer declares: parameters, which are learned, and buffers, which it computes with. Both are empty until the model that
// they belong to is put on a device.
import { detach, type Device, type Parameter, type Shape, type Tensor } from '@lockstep/tensor';
import { ConfigError } from '@lockstep/errors';

/** Fills a parameter of `shape` by itself; `normal` draws from the run's seed and the parameter's name. */
export type Draw = (shape: Shape, normal: (std: number) => Float32Array<ArrayBuffer>) => Float32Array<ArrayBuffer>;

/** How a parameter begins: one number everywhere, normal numbers of a standard deviation, or as a function says. */
export type Initial = number | { readonly std: number } | Draw;

/** How a parameter begins, and how it is learned. */
export interface ParameterOptions {
  readonly initial?: Initial;
  /** The optimizer's group that it is to be in, where `groups` has one of that name. */
  readonly group?: string;
  /** Whether it stays as it is: no gradient, no update. */
  readonly frozen?: boolean;
}

let isFrozen = false;

/**
 * Computes with models whose parameters do not learn from it: gradients pass through to what the models are given, and none reaches their
 * parameters. So one loss of several can judge a model by way of another:
 *
 * ```ts
 * const fake = models.generator.logits(inputs);
 * const fooled = frozen(() => models.critic.logits({ x: fake })); // teaches the generator alone
 * ```
 *
 * @param work is synchronous, as all of a loss is.
 */
export function frozen<T>(work: () => T): T {
  const before = isFrozen;
  isFrozen = true;
  try {
    return work();
  } finally {
    isFrozen = before;
  }
}

/** A parameter that a model will have. Made by {@link parameter}; layers hold theirs as properties. */
export class ParameterSlot {
  readonly shape: Shape;
  readonly initial: Initial;
  readonly group: string | undefined;
  readonly frozen: boolean;
  #value: Tensor | undefined;

  constructor(shape: Shape, { initial = 0, group, frozen = false }: ParameterOptions) {
    this.shape = shape;
    this.initial = initial;
    this.group = group;
    this.frozen = frozen;
  }

  /** Its tensor on the device; a {@link Parameter} unless it is frozen. @throws {ConfigError} before the model is on one. */
  get value(): Tensor {
    if (this.#value) return isFrozen ? detach(this.#value) : this.#value;
    throw new ConfigError(
      `parameter: expected a model on a device, got a parameter [${this.shape.join(', ')}] that is on none\nhint: use parameters inside logits or another function of the model, and name their layer in \`parameters\``,
    );
  }

  /** Puts it on a device. */
  bind(value: Parameter | Tensor): void {
    this.#value = value;
  }
}

/** A parameter of a layer of one's own; zeros unless `initial` says otherwise. */
export function parameter(shape: Shape, options: ParameterOptions = {}): ParameterSlot {
  return new ParameterSlot(shape, options);
}

/** A tensor that a model computes with and does not learn, such as a table of angles: made once for each device. */
export class BufferSlot {
  readonly make: (device: Device) => Tensor;
  #value: Tensor | undefined;

  constructor(make: (device: Device) => Tensor) {
    this.make = make;
  }

  /** Its tensor on the device. @throws {ConfigError} before the model is on one. */
  get value(): Tensor {
    if (!this.#value) throw new ConfigError('buffer: expected a model on a device, got a buffer that is on none');
    return this.#value;
  }

  /** Makes it on a device. */
  bind(device: Device): void {
    this.#value = this.make(device);
  }
}

/** A buffer of a layer. */
export function buffer(make: (device: Device) => Tensor): BufferSlot {
  return new BufferSlot(make);
}
