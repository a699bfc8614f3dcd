// The work of one node of the reduction tree on one device: forward and backward over its shards in a single pass. The
// gradient of a node is the same bits wherever it is computed, since rows never meet except along the tree.
import type { ShardRange } from '@lockstep/collectives';
import { languageModelLoss, type Model, type Parameters } from '@lockstep/nn';
import {
  type Device,
  differentiate,
  type Parameter,
  type Program,
  type Tensor,
  treeSum,
  type WireFormat,
} from '@lockstep/tensor';
import type { TokenBatch } from './data/dataset.ts';
import { type BatchShape, positionsOf, sequencesPerShard, tokensPerStep } from './batch.ts';

/** What a pass computes with. */
export interface Learner {
  readonly device: Device;
  readonly model: Model;
  readonly parameters: Parameters;
}

/** Where a gradient begins in the flat layout, and how many dispatches of the pass make it final. */
interface Milestone {
  readonly start: number;
  readonly dispatches: number;
}

export class NodePass {
  readonly range: ShardRange;
  readonly #tokens: Tensor;
  readonly #targets: Tensor;
  readonly #random: Tensor;
  /** Fills the gradients and, among their extras, the loss. */
  readonly gradient: Program;
  /** Computes the loss alone; its result is the loss. */
  readonly evaluation: Program<Tensor>;
  readonly #milestones: readonly Milestone[];

  /** Records the programs of a node; `wire` is how gradients are rounded. @throws {DeviceError} */
  static async create(
    learner: Learner,
    shape: BatchShape,
    { range, wire }: { range: ShardRange; wire: WireFormat },
  ): Promise<NodePass> {
    const { device, model, parameters } = learner;
    const shards = range.hi - range.lo;
    const sequences = sequencesPerShard(shape);
    const grid = [sequences, shape.context]; // of one shard
    const tokens = device.empty(grid, 'u32', shards);
    const targets = device.empty(grid, 'u32', shards);
    const random = device.empty([4], 'u32');
    const positions = device.tensor(positionsOf(shards * sequences, shape.context), grid, { shards });
    const loss = (training: boolean): Tensor =>
      languageModelLoss(
        model,
        parameters,
        { tokens, targets, positions, ...(training && { random }) },
        { rows: tokensPerStep(shape) },
      );

    const lossSlot = device.view(parameters.extras, 0, [1]);
    const onGradient = (parameter: Parameter): void => device.mark(parameter.name);
    const gradient = await device.capture(() => {
      const value = differentiate(device, () => loss(true), { wire, onGradient });
      treeSum(device, value, lossSlot);
    });
    const milestones = [...gradient.marks].map(([name, dispatches]) => ({
      start: parameters.startOf(name as string),
      dispatches,
    }));
    const evaluation = await device.capture(() => {
      const whole = device.empty([1]);
      treeSum(device, loss(false), whole);
      return whole;
    });
    return new NodePass(range, { tokens, targets, random }, { gradient, evaluation }, milestones);
  }

  private constructor(
    range: ShardRange,
    inputs: { tokens: Tensor; targets: Tensor; random: Tensor },
    programs: { gradient: Program; evaluation: Program<Tensor> },
    milestones: readonly Milestone[],
  ) {
    this.range = range;
    this.#tokens = inputs.tokens;
    this.#targets = inputs.targets;
    this.#random = inputs.random;
    this.gradient = programs.gradient;
    this.evaluation = programs.evaluation;
    this.#milestones = milestones;
  }

  /**
   * The gradient program in consecutive parts: after part i the gradients before element `ends[i]` are final.
   * @param ends ascending; the last part goes to the program's own end.
   */
  cut(ends: readonly number[]): Program[] {
    let from = 0;
    return ends.map((end, i) => {
      const needed = this.#milestones.filter(({ start }) => start < end).map(({ dispatches }) => dispatches);
      const to = i === ends.length - 1 ? this.gradient.dispatches.length : Math.max(from, ...needed);
      const part = this.gradient.slice(from, to);
      from = to;
      return part;
    });
  }

  /** Puts the next batch in place. `seed` and `step` key the random numbers of the pass. */
  load({ tokens, targets }: TokenBatch, { seed, step }: { seed: number; step: number }): void {
    this.#tokens.write(tokens);
    this.#targets.write(targets);
    this.#random.write(Uint32Array.of(seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0, step, this.range.lo));
  }
}
