// Reverse-mode differentiation. The tape holds the ops that ran, in order; walking it backwards records what computes every
// parameter's gradient. Gradients speak of one shard; that of a parameter is added up over the shards of the pass when it is whole.
import type { Dispatcher } from '../device/dispatcher.ts';
import { ShapeError } from '@lockstep/errors';
import type { TapeEntry } from '../graph/recorder.ts';
import { add } from '../ops/arithmetic.ts';
import { full } from '../ops/full.ts';
import { treeSum } from '../reduce/tree-sum.ts';
import type { WireFormat } from '../wire-format.ts';
import { Parameter, type Tensor } from '../tensor.ts';

export interface TapeOptions {
  /** How the nodes of the tree over shards are rounded. */
  readonly wire?: WireFormat;
  /** Told of each parameter whose gradient is final, when what fills it has been asked for. */
  onGradient?(parameter: Parameter): void;
}

export class Tape {
  readonly #options: TapeOptions;
  readonly #device: Dispatcher;
  #entries: TapeEntry[] = [];
  readonly #gradients = new Map<Tensor, Tensor>();
  /** Tensors whose gradients are asked for beside those of parameters. */
  readonly #wanted: Set<Tensor>;
  /** How often each parameter is still to be met on the way back. */
  readonly #uses = new Map<Parameter, number>();
  /** Whether ops are only counted now, because they are to be recorded again on the way back. */
  #isForgetting = false;

  constructor(device: Dispatcher, options: TapeOptions, wanted: readonly Tensor[] = []) {
    this.#device = device;
    this.#options = options;
    this.#wanted = new Set(wanted);
  }

  record(entry: TapeEntry): void {
    if (!this.#isForgetting) this.#entries.push(entry);
    for (const input of entry.inputs)
      if (input instanceof Parameter) this.#uses.set(input, (this.#uses.get(input) ?? 0) + 1);
  }

  /**
   * Fills the gradient of every parameter that `loss` depends on: the sum over the pass's shards, along the canonical tree.
   * Parameters that the loss does not depend on are left alone.
   * @param seed gradient of the loss itself; 1 for every element unless given
   */
  backward(loss: Tensor, seed: Tensor = full(loss.device, loss.shape, 1, { shards: loss.shards })): void {
    this.#gradients.set(loss, seed);
    this.#walk(this.#entries);
  }

  /** Asks for the gradient of a tensor that forward has just made. */
  want(tensor: Tensor): void {
    this.#wanted.add(tensor);
  }

  /** The gradient of a wanted tensor, as far as backward has come; undefined where the loss does not depend on it. */
  gradientOf(tensor: Tensor): Tensor | undefined {
    return this.#gradients.get(tensor);
  }

  isWanted(tensor: Tensor): boolean {
    return this.#wanted.has(tensor);
  }

  /** Runs `work` without keeping its ops: they are recorded again by {@link replay}. */
  forgetting<T>(work: () => T): T {
    const before = this.#isForgetting;
    this.#isForgetting = true;
    try {
      return work();
    } finally {
      this.#isForgetting = before;
    }
  }

  /** Records again what was forgotten, and goes back through it from the gradient of what it gives. */
  replay(work: () => Tensor, dy: Tensor): void {
    const before = this.#entries;
    this.#entries = [];
    // The uses of parameters were counted when the ops were met first.
    const uses = new Map(this.#uses);
    const y = work();
    for (const [parameter, count] of uses) this.#uses.set(parameter, count);
    const again = this.#entries;
    this.#entries = before;
    this.#gradients.set(y, dy);
    this.#walk(again);
  }

  #walk(entries: readonly TapeEntry[]): void {
    for (const entry of entries.toReversed()) this.#pass(entry);
  }

  #pass({ name, inputs, y, gradient }: TapeEntry): void {
    const dy = this.#gradients.get(y);
    if (dy) {
      const needs = inputs.map(({ tracked }) => tracked);
      const gradients = gradient(dy, needs);
      if (!this.#wanted.has(y)) this.#gradients.delete(y);
      inputs.forEach((input, i) => needs[i] && this.#accumulate(input, gradients[i], name));
    }
    for (const input of inputs) if (input instanceof Parameter) this.#passUse(input);
  }

  #accumulate(input: Tensor, gradient: Tensor | 0 | undefined, op: string): void {
    if (gradient === 0) return;
    if (!gradient) throw new ShapeError(`${op}: expected a gradient for an input that needs one, got none`);
    const before = this.#gradients.get(input);
    this.#gradients.set(input, before ? add(before, gradient) : gradient);
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
    if (!this.#wanted.has(parameter)) this.#gradients.delete(parameter);
    this.#options.onGradient?.(parameter);
  }
}
