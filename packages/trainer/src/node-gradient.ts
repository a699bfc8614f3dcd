// The work of one node of the reduction tree on one device: forward and backward over its shards, in one pass or in several. The
// gradient of a node is the same bits wherever and in however many passes it is computed, since shards never meet except along the tree.
import type { ShardRange } from '@lockstep/collectives';
import { type Piece, type Program, shardRange, type Tensor, treeSum, type WireFormat } from '@lockstep/tensor';
import type { TokenBatch } from './data/dataset.ts';
import type { BatchShape } from './batch.ts';
import { PartialSums } from './partial-sums.ts';
import { dispatchGradient, dispatchLoss, type Learner, passInputs, type PassInputs } from './shard-pass.ts';

export interface NodeOptions {
  readonly range: ShardRange;
  /** How gradients are rounded. */
  readonly wire: WireFormat;
  /** Shards that are computed side by side at the most: a power of two. No bit depends on it. */
  readonly shardsPerPass: number;
  /** The ranges in which gradients leave the device. */
  readonly buckets: readonly Piece[];
}

/** Where a gradient begins in the flat layout, and how many dispatches of the pass make it final. */
interface Milestone {
  readonly start: number;
  readonly dispatches: number;
}

/** Programs of a node, in the order in which they run. */
interface Programs {
  /** All passes but the last, each with its inputs and with what keeps its sum. */
  readonly earlier: readonly Program[];
  /** What brings the last pass its inputs; nothing where it is the only one. */
  readonly select: readonly Program[];
  readonly pass: Program;
  /** By bucket, then for the extras, what adds the earlier passes; nothing where there are none. */
  readonly finish: readonly Program[];
  readonly evaluation: readonly Program[];
}

export class NodeGradient {
  readonly range: ShardRange;
  /** Computes the loss alone, into {@link loss}. */
  readonly evaluation: readonly Program[];
  readonly loss: Tensor;
  readonly #inputs: PassInputs;
  readonly #counters: readonly Tensor[];
  /** Shards that are computed side by side. */
  readonly shardsPerPass: number;
  readonly #programs: Programs;
  readonly #milestones: readonly Milestone[];

  /** Records the programs of a node. @throws {DeviceError} */
  static async create(learner: Learner, shape: BatchShape, options: NodeOptions): Promise<NodeGradient> {
    const recorder = new NodeRecorder(learner, shape, options);
    return new NodeGradient(options, recorder, await recorder.record());
  }

  private constructor({ range }: NodeOptions, recorder: NodeRecorder, programs: Programs) {
    const { parameters } = recorder.learner;
    this.range = range;
    this.evaluation = programs.evaluation;
    this.loss = recorder.loss;
    this.#inputs = recorder.all;
    this.#counters = recorder.counters;
    this.shardsPerPass = recorder.shardsPerPass;
    this.#programs = programs;
    this.#milestones = [...programs.pass.marks].map(([name, dispatches]) => ({
      start: parameters.startOf(name as string),
      dispatches,
    }));
  }

  /** Fills the gradients and, among their extras, the loss. */
  get gradient(): readonly Program[] {
    const { earlier, select, pass, finish } = this.#programs;
    return [...earlier, ...select, pass, ...finish];
  }

  /**
   * {@link gradient} in consecutive parts: after part i the gradients of bucket i and those before are final. What is left over, as
   * the sums of extras, goes with the last.
   */
  cut(buckets: readonly Piece[]): Program[][] {
    const { earlier, select, pass, finish } = this.#programs;
    let from = 0;
    return buckets.map(({ start, size }, i) => {
      const isLast = i === buckets.length - 1;
      const needed = this.#milestones.filter((one) => one.start < start + size).map(({ dispatches }) => dispatches);
      const to = isLast ? pass.dispatches.length : Math.max(from, ...needed);
      const part = pass.slice(from, to);
      from = to;
      return [...(i === 0 ? [...earlier, ...select] : []), part, ...finish.slice(i, isLast ? undefined : i + 1)];
    });
  }

  /** Puts the next batch in place. `seed` and `step` key the random numbers of the node. */
  load({ tokens, targets }: TokenBatch, { seed, step }: { seed: number; step: number }): void {
    this.#inputs.tokens.write(tokens);
    this.#inputs.targets.write(targets);
    for (const [pass, counter] of this.#counters.entries()) {
      const shard = this.range.lo + pass * this.shardsPerPass;
      counter.write(Uint32Array.of(seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0, step, shard));
    }
  }
}

/** Records a node's programs. */
class NodeRecorder {
  readonly learner: Learner;
  readonly shardsPerPass: number;
  /** Inputs of the whole node, which the host writes; those of a pass where there is only one. */
  readonly all: PassInputs;
  /** Of each pass its random counters. */
  readonly counters: readonly Tensor[];
  readonly loss: Tensor;
  readonly #shape: BatchShape;
  readonly #options: NodeOptions;
  readonly #passes: number;
  readonly #inputs: PassInputs;

  constructor(learner: Learner, shape: BatchShape, options: NodeOptions) {
    const { device } = learner;
    const shards = options.range.hi - options.range.lo;
    this.learner = learner;
    this.shardsPerPass = Math.min(shards, options.shardsPerPass);
    this.#shape = shape;
    this.#options = options;
    this.#passes = shards / this.shardsPerPass;
    this.#inputs = passInputs(device, shape, this.shardsPerPass);
    const isWhole = this.#passes === 1;
    this.all = isWhole ? this.#inputs : passInputs(device, shape, shards);
    this.counters = isWhole
      ? [this.#inputs.random]
      : Array.from({ length: this.#passes }, () => device.empty([4], 'u32'));
    this.loss = device.empty([1]);
  }

  async record(): Promise<Programs> {
    const { device, parameters } = this.learner;
    const { wire, buckets } = this.#options;
    const pass = await device.capture(() => dispatchGradient(this.learner, this.#inputs, { shape: this.#shape, wire }));
    const evaluation = await this.#recordEvaluation();
    if (this.#passes === 1) return { earlier: [], select: [], pass, finish: [], evaluation };
    const sums = new PartialSums(device, parameters, { passes: this.#passes, wire });
    const earlier: Program[] = [];
    for (let at = 0; at < this.#passes - 1; at++)
      earlier.push(await this.#recordSelect(at), pass, await device.capture(() => sums.keep()));
    const { size } = parameters.weights;
    const finish: Program[] = [];
    for (const range of [...buckets, { start: size, size: parameters.extras.size }])
      finish.push(await device.capture(() => sums.finish(range)));
    return { earlier, select: [await this.#recordSelect(this.#passes - 1)], pass, finish, evaluation };
  }

  /** The losses of all passes, added along the tree. */
  async #recordEvaluation(): Promise<Program[]> {
    const { device } = this.learner;
    const losses = device.empty([1], 'f32', this.#passes);
    const sum = this.#passes === 1 ? this.loss : device.empty([1]);
    const pass = await device.capture(() => dispatchLoss(this.learner, this.#inputs, { shape: this.#shape, sum }));
    if (this.#passes === 1) return [pass];
    const programs: Program[] = [];
    for (let at = 0; at < this.#passes; at++) {
      const keep = await device.capture(() => device.copy(sum, shardRange(losses, at, 1)));
      programs.push(await this.#recordSelect(at), pass, keep);
    }
    return [...programs, await device.capture(() => treeSum(device, losses, this.loss))];
  }

  /** What copies a pass's part of the inputs to where the pass reads it. */
  #recordSelect(pass: number): Promise<Program<void>> {
    const { device } = this.learner;
    return device.capture(() => {
      for (const name of ['tokens', 'targets'] as const)
        device.copy(shardRange(this.all[name], pass * this.shardsPerPass, this.shardsPerPass), this.#inputs[name]);
      device.copy(this.counters[pass]!, this.#inputs.random);
    });
  }
}
