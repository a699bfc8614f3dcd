// Reverse-mode differentiation. The tape holds the ops that ran, in order; walking it backwards gives every
// parameter's gradient and returns intermediates to the pool as soon as they have been passed.
import { add } from './ops/add.ts';
import { treeSum, type WireFormat } from './tree-sum.ts';
import type { Device } from './device.ts';
import { ShapeError } from './errors.ts';
import type { AnyOp } from './op.ts';
import { Parameter, type Tensor } from './tensor.ts';

interface Entry {
  readonly definition: AnyOp;
  readonly inputs: readonly Tensor[];
  readonly options: unknown;
  readonly y: Tensor;
  readonly saved: readonly Tensor[];
}

export interface TapeOptions {
  /** Groups into which the rows of activations are cut; their gradients are added along the canonical tree. */
  readonly shards?: number;
  /** How the nodes of that tree are rounded. */
  readonly wire?: WireFormat;
  /** Told of each parameter whose gradient is final, when what fills it has been dispatched. */
  onGradient?(parameter: Parameter): void;
}

export class Tape {
  readonly shards: number;
  readonly #options: TapeOptions;
  readonly #device: Device;
  readonly #entries: Entry[] = [];
  readonly #gradients = new Map<Tensor, Tensor>();
  /** How often each parameter is still to be met on the way back. */
  readonly #uses = new Map<Parameter, number>();

  constructor(device: Device, options: TapeOptions) {
    this.#device = device;
    this.shards = options.shards ?? 1;
    this.#options = options;
  }

  record(entry: Entry): void {
    this.#entries.push(entry);
    for (const input of entry.inputs)
      if (input instanceof Parameter) this.#uses.set(input, (this.#uses.get(input) ?? 0) + 1);
  }

  /**
   * Fills the gradient of every parameter that `loss` depends on: the sum over the pass's shards, along the canonical tree.
   * Parameters that the loss does not depend on are left alone.
   */
  backward(loss: Tensor): void {
    const seed = this.#device.empty(loss.shape);
    this.#device.fill(seed, 1);
    this.#gradients.set(loss, seed);
    for (const entry of this.#entries.toReversed()) this.#pass(entry, loss);
  }

  #pass(entry: Entry, loss: Tensor): void {
    const { definition, inputs, options, y, saved } = entry;
    const dy = this.#gradients.get(y);
    if (dy) {
      const needs = inputs.map(({ tracked }) => tracked);
      const gradients = definition.backward(
        this.#device,
        { inputs, y, saved, dy, needs, shards: this.shards },
        options,
      );
      this.#gradients.delete(y);
      inputs.forEach((input, i) => needs[i] && this.#accumulate(input, gradients[i], definition.name));
      this.#release(dy);
    }
    for (const input of inputs) if (input instanceof Parameter) this.#passUse(input);
    // Whatever else used y ran later, so it has been passed already.
    for (const tensor of saved) this.#release(tensor);
    if (y !== loss) this.#release(y);
  }

  #accumulate(input: Tensor, gradient: Tensor | undefined, op: string): void {
    if (!gradient) throw new ShapeError(`${op}: no gradient for an input that needs one`);
    const before = this.#gradients.get(input);
    const sum = before ? this.#device.empty(before.shape) : gradient;
    if (before) add.forward(this.#device, [before, gradient], sum);
    this.#gradients.set(input, sum);
    for (const tensor of before ? [before, gradient] : []) this.#release(tensor);
  }

  /**
   * When the last use has been passed, also of those that the loss does not depend on, each shard's gradient is whole: only
   * then may shards be added.
   */
  #passUse(parameter: Parameter): void {
    const left = this.#uses.get(parameter)! - 1;
    this.#uses.set(parameter, left);
    const partials = this.#gradients.get(parameter);
    if (left > 0 || !partials) return;
    treeSum(this.#device, partials, parameter.gradient, this.#options);
    this.#gradients.delete(parameter);
    this.#release(partials);
    this.#options.onGradient?.(parameter);
  }

  /** Gradients may share memory (add hands its own on to both inputs), so memory goes back with its last holder. */
  #release(tensor: Tensor): void {
    const held = [...this.#gradients.values()].some(({ slice }) => slice === tensor.slice);
    if (!held) this.#device.release(tensor);
  }
}
