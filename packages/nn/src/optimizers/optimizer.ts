// An optimizer on a device: what it remembers of the weights that it updates, and the recorded work of a step.
import {
  type Device,
  isFinite as isFiniteOp,
  logicalNot,
  max,
  maximum,
  cast,
  type Piece,
  pieces,
  type Tensor,
} from '@lockstep/tensor';
import { blockSize, type Parameters, type TensorMap } from '../parameters.ts';
import type { OptimizerValue, States } from './define-optimizer.ts';
import {
  type ContextOf,
  initialStates,
  isComputedOf,
  type Link,
  numbersAt,
  numbersOf,
  recordUpdate,
} from './record-update.ts';
import type { StateSpec } from './update-form.ts';
import { packRegion, type Segment, segmentsOf } from './optimizer-state.ts';
import { type Rates, ratesOf } from './rates.ts';
import { planUpdate, type Region, type UpdatePlan } from './update-plan.ts';

/** A segment with what is remembered of it. */
interface Owned extends Segment {
  /** In the order of the region's states. */
  readonly states: readonly Tensor[];
}

/** What one link of a group is told for each step: the rate, its numbers, and the step. */
interface LinkTensors {
  readonly schedule: Tensor;
  readonly names: readonly string[];
}

export interface OptimizerOptions {
  /** The ranges of weights to update and to remember anything about, which begin and end at the plan's cuts. All weights unless given. */
  readonly ranges?: readonly Piece[] | undefined;
  /** The plan of this optimizer and these parameters, where it has been made already. */
  readonly plan?: UpdatePlan | undefined;
}

/** What an optimizer remembers on a device, and the update of the weights, or of the ranges that a worker owns. */
export class Optimizer {
  readonly plan: UpdatePlan;
  /** The norm of the whole gradient: to be filled before an update, as are {@link norms}. */
  readonly norm: Tensor; // (1)
  /** The norm of each group's gradient; where there is one group, {@link norm} itself. */
  readonly norms: readonly Tensor[]; // (1) each
  /** Not 0 once an update has written a weight, or something to remember, that is NaN or infinite. */
  readonly unsound: Tensor; // (1), u32
  /** What is updated here, in the order of the layout. */
  readonly segments: readonly Segment[];
  readonly #device: Device;
  readonly #parameters: Parameters;
  readonly #owned: readonly Owned[];
  /** By group, then by link. */
  readonly #links: readonly (readonly LinkTensors[])[];
  /** 1 or 0 for each block of the weights: whether it belongs to a matrix. */
  readonly #matrix: Tensor;

  /** Allocates what is remembered, as it begins, of the weights as they are. @throws {ConfigError} for an optimizer that does not fit the parameters. */
  constructor(value: OptimizerValue, device: Device, parameters: Parameters, { ranges, plan }: OptimizerOptions = {}) {
    const { weights } = parameters;
    this.plan = plan ?? planUpdate(value, parameters);
    this.#device = device;
    this.#parameters = parameters;
    this.segments = segmentsOf(this.plan, ranges ?? [{ start: 0, size: weights.size }]);
    this.norm = device.tensor(new Float32Array(1));
    const { groups } = this.plan;
    this.norms = groups.length === 1 ? [this.norm] : groups.map(() => device.tensor(new Float32Array(1)));
    this.unsound = device.tensor(Uint32Array.of(0));
    this.#matrix = device.tensor(parameters.perBlock(({ shape }) => (shape.length >= 2 ? 1 : 0)));
    this.#links = this.plan.groups.map(({ links }) => links.map((link) => linkTensors(device, link)));
    this.#owned = this.segments.map((segment) => this.#allocate(segment));
    this.begin();
  }

  /**
   * Sets what the next update depends on.
   * @param step counts from 1
   * @throws {ConfigError} for numbers that are not those of other steps, and rates that are not the groups'.
   */
  schedule(step: number, rates: Rates): void {
    const own = ratesOf(this.plan.groups, rates);
    for (const [g, { links }] of this.plan.groups.entries())
      for (const [l, link] of links.entries()) {
        const { schedule, names } = this.#links[g]![l]!;
        schedule.write(Float32Array.of(own[g]! * link.peak, ...numbersAt(link, names, step), step));
      }
  }

  /** Records the update. */
  dispatch(): void {
    for (const owned of this.#owned) {
      const region = this.plan.regions[owned.region]!;
      if (region.isWhole) this.#dispatchWhole(owned, region);
      else this.#dispatchFlat(owned, region);
    }
  }

  /** What is remembered here: of each segment its states. */
  get states(): Tensor[] {
    return this.#owned.flatMap(({ states }) => states);
  }

  /** Bytes of what is remembered here. */
  get bytes(): number {
    return this.states.reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  /** What is remembered here: of each segment its states, one after the other. */
  async readOwn(): Promise<Float32Array<ArrayBuffer>> {
    const parts = await this.#device.read(this.states);
    const own = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const part of parts) {
      own.set(part, at);
      at += part.length;
    }
    return own;
  }

  /** Takes what is remembered here over from a whole memory. @throws {CheckpointError} for one of other parameters. */
  write(whole: ReadonlyMap<string, TensorMap>): void {
    this.unsound.write(Uint32Array.of(0));
    for (const { region, start, size, states } of this.#owned) {
      const of = this.plan.regions[region]!;
      for (const [i, spec] of of.states.entries()) {
        const packed = packRegion(of, spec, whole.get(spec.stored) ?? new Map());
        states[i]!.write(of.isWhole ? packed : packed.subarray(start - of.start, start - of.start + size));
      }
    }
  }

  /** Forgets all, and begins again from the weights as they are. */
  begin(): void {
    this.unsound.write(Uint32Array.of(0));
    for (const owned of this.#owned) {
      const { group, states } = this.plan.regions[owned.region]!;
      this.#device.scope(() => {
        const begun = initialStates(this.plan.groups[group]!.links, this.#weightsOf(owned));
        for (const [i, { link, name }] of states.entries()) this.#device.copy(begun[link]![name]!, owned.states[i]!);
      });
    }
  }

  /** Puts the weights to use in the place of those that are trained, as far as they are remembered here. */
  placeUsed(): void {
    for (const owned of this.#owned) {
      const { use } = this.plan.regions[owned.region]!;
      if (use !== undefined) this.#device.copy(owned.states[use]!, this.#weightsOf(owned));
    }
  }

  #allocate(segment: Segment): Owned {
    const { isWhole, states } = this.plan.regions[segment.region]!;
    return { ...segment, states: states.map(({ shape }) => this.#device.empty(isWhole ? shape : [segment.size])) };
  }

  /** In the shape of what is remembered of them. */
  #weightsOf({ region, start, size }: Segment): Tensor {
    const { isWhole, specs } = this.plan.regions[region]!;
    return this.#device.view(this.#parameters.weights, start, isWhole ? specs[0]!.shape : [size]);
  }

  /** One parameter, in its own shape. */
  #dispatchWhole({ start, states }: Owned, region: Region): void {
    const [spec] = region.specs as [(typeof region.specs)[number]];
    const view = (whole: Tensor): Tensor => this.#device.view(whole, start, spec.shape);
    const { weights, gradients } = this.#parameters;
    const matrix = this.#device.view(this.#matrix, start / blockSize, []);
    this.#record(region, { weight: view(weights), gradient: view(gradients), states, matrix, who: spec.name });
  }

  /** Many parameters at once, in blocks of 64 elements, as much as the adapter binds at a time. */
  #dispatchFlat({ start, size, states }: Owned, region: Region): void {
    const { weights, gradients } = this.#parameters;
    for (const piece of pieces(this.#device, size, blockSize, [])) {
      const blocks = piece.size / blockSize;
      const first = start + piece.start;
      const view = (whole: Tensor, at: number, shape: readonly number[]): Tensor => this.#device.view(whole, at, shape);
      if (
        this.#dispatchFused(
          { start: first, size: piece.size },
          states.map((one) => view(one, piece.start, [piece.size])),
          region,
        )
      )
        continue;
      this.#record(region, {
        weight: view(weights, first, [blocks, blockSize]),
        gradient: view(gradients, first, [blocks, blockSize]),
        states: states.map((one) => view(one, piece.start, [blocks, blockSize])),
        matrix: view(this.#matrix, first / blockSize, [blocks, 1]),
        who: region.specs[0]!.name,
      });
    }
  }

  /** By kernels of the definition's own, where it is by itself and has some. */
  #dispatchFused({ start, size }: Piece, states: readonly Tensor[], region: Region): boolean {
    const { links } = this.plan.groups[region.group]!;
    const [{ definition, settings }] = links as [Link];
    if (links.length > 1 || !definition.fused) return false;
    const { weights, gradients } = this.#parameters;
    const tensors = {
      ...Object.fromEntries(region.states.map(({ name }, i): [string, Tensor] => [name, states[i]!])),
      weight: this.#device.view(weights, start, [size]),
      gradient: this.#device.view(gradients, start, [size]),
      matrix: this.#matrix,
      norm: this.#normFor(region.group, 0),
      schedule: this.#links[region.group]![0]!.schedule,
      unsound: this.unsound,
    };
    if (definition.fused(this.#device, tensors as never, settings, { size, block: start / blockSize }) !== true)
      this.#device.scope(() => this.#noteUnsound([tensors.weight, ...states]));
    return true;
  }

  #record(
    region: Region,
    {
      weight,
      gradient,
      states,
      matrix,
      who,
    }: { weight: Tensor; gradient: Tensor; states: readonly Tensor[]; matrix: Tensor; who: string },
  ): void {
    const device = this.#device;
    const { links } = this.plan.groups[region.group]!;
    device.scope(() => {
      const before = byLink(links, region.states, states);
      const contextOf: ContextOf = (link) => this.#contextOf(region.group, link, matrix);
      const next = recordUpdate(links, { weight, gradient, states: before }, contextOf, who);
      const written: [Tensor, Tensor][] = [[next.weight, weight]];
      for (const [i, { link, name }] of region.states.entries()) {
        const state: [Tensor, Tensor] = [next.states[link]![name]!, states[i]!];
        // What needs the new weight is written before it, and what the weight needs after it: so both are computed in place.
        if (isComputedOf(state[0], next.weight)) written.unshift(state);
        else written.push(state);
      }
      const changed = written.filter(([value, target]) => value !== target);
      for (const [value, target] of changed) device.copy(value, target);
      if (changed.length > 0) this.#noteUnsound(changed.map(([, target]) => target));
    });
  }

  #noteUnsound(written: readonly Tensor[]): void {
    const unsound = this.#device.view(this.unsound, 0, []);
    this.#device.copy(maximum(unsound, whetherUnsound(written)), unsound);
  }

  /** The norm that a link is told. */
  #normFor(group: number, link: number): Tensor {
    return this.plan.groups[group]!.links[link]!.norm === 'all' ? this.norm : this.norms[group]!;
  }

  #contextOf(group: number, link: number, matrix: Tensor): ReturnType<ContextOf> {
    const { schedule, names } = this.#links[group]![link]!;
    const at = (i: number): Tensor => this.#device.view(schedule, i, []);
    return {
      ...Object.fromEntries(names.map((name, i): [string, Tensor] => [name, at(i + 1)])),
      rate: at(0),
      step: at(names.length + 1),
      norm: this.#device.view(this.#normFor(group, link), 0, []),
      matrix,
    };
  }
}

/** Not 0 where any number is NaN or infinite; tensors of one shape are looked through together. */
function whetherUnsound(tensors: readonly Tensor[]): Tensor {
  const most = (flags: readonly Tensor[]): Tensor => flags.reduce((a, b) => maximum(a, b));
  const flagOf = (one: Tensor): Tensor => cast(logicalNot(isFiniteOp(one)), 'u32');
  const alike = [...new Set(tensors.map(({ shape }) => shape.join()))].map((shape) =>
    tensors.filter((one) => one.shape.join() === shape),
  );
  return most(alike.map((some) => max(most(some.map(flagOf)))));
}

function linkTensors(device: Device, link: Link): LinkTensors {
  const names = numbersOf(link);
  return { names, schedule: device.tensor(new Float32Array(names.length + 2)) };
}

function byLink(links: readonly Link[], specs: readonly StateSpec[], states: readonly Tensor[]): States[] {
  return links.map((_, link) =>
    Object.fromEntries(
      specs.flatMap((spec, i): [string, Tensor][] => (spec.link === link ? [[spec.name, states[i]!]] : [])),
    ),
  );
}
