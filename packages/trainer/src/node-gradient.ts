// The work of one node of the reduction tree on one device: forward and backward over its shards, in one pass or in several. The
// gradient of a node is the same bits wherever and in however many passes it is computed, since shards never meet except along the tree.
import type { ShardRange } from '@lockstep/collectives';
import { type Piece, type Program, shardRange, type Tensor, treeSum, type WireFormat } from '@lockstep/tensor';
import type { BatchArrays, BatchShape } from './batch.ts';
import { PartialSums } from './partial-sums.ts';
import {
  dispatchEvaluation,
  dispatchGradient,
  dispatchTotals,
  type Learner,
  mostTotals,
  passInputs,
  type PassInputs,
  type PassNotes,
} from './shard-pass.ts';
import type { TermPlace } from './term-sums.ts';

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
  readonly notes: PassNotes;
  /** None where every shard counts alike. */
  readonly totals: readonly Program[];
  readonly evaluation: readonly Program[];
  readonly evaluated: readonly TermPlace[];
}

export class NodeGradient {
  readonly range: ShardRange;
  /** Sums the weights of the loss's parts, into {@link sums}; none where every shard counts alike. */
  readonly totals: readonly Program[];
  /** Computes the sums of the loss and its metrics, into {@link sums}. */
  readonly evaluation: readonly Program[];
  /** Where they are there. */
  readonly evaluated: readonly TermPlace[];
  readonly notes: PassNotes;
  readonly sums: Tensor;
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
    this.totals = programs.totals;
    this.evaluation = programs.evaluation;
    this.evaluated = programs.evaluated;
    this.notes = programs.notes;
    this.sums = recorder.sums;
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
  load(batch: BatchArrays, { seed, step }: { seed: number; step: number }): void {
    for (const [name, tensor] of Object.entries(this.#inputs.data)) tensor.write(batch[name]!);
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
  /** The random counters of each pass. */
  readonly counters: readonly Tensor[];
  /** The sums of all passes. */
  readonly sums: Tensor; // (mostTotals)
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
      ? [this.#inputs.counters]
      : Array.from({ length: this.#passes }, () => device.empty([4], 'u32'));
    this.sums = device.tensor(new Float32Array(mostTotals));
  }

  async record(): Promise<Programs> {
    const { device, parameters } = this.learner;
    const { wire, buckets } = this.#options;
    const pass = await device.capture(() => dispatchGradient(this.learner, this.#inputs, { shape: this.#shape, wire }));
    const notes = pass.result;
    const totals =
      notes.totals > 0 ? await this.#recordSums((sums) => dispatchTotals(this.learner, this.#inputs, sums)) : [];
    let evaluated: readonly TermPlace[] = [];
    const evaluation = await this.#recordSums((sums) => {
      evaluated = dispatchEvaluation(this.learner, this.#inputs, { shape: this.#shape, sums });
    });
    const all = { pass, notes, totals, evaluation, evaluated };
    if (this.#passes === 1) return { ...all, earlier: [], select: [], finish: [] };
    const sums = new PartialSums(device, parameters, { passes: this.#passes, wire });
    const earlier: Program[] = [];
    for (let at = 0; at < this.#passes - 1; at++)
      earlier.push(await this.#recordSelect(at), pass, await device.capture(() => sums.keep()));
    const { size } = parameters.weights;
    const finish: Program[] = [];
    for (const range of [...buckets, { start: size, size: parameters.extras.size }])
      finish.push(await device.capture(() => sums.finish(range)));
    return { ...all, earlier, select: [await this.#recordSelect(this.#passes - 1)], finish };
  }

  /** What `dispatch` sums in each pass, added along the tree. */
  async #recordSums(dispatch: (sums: Tensor) => void): Promise<Program[]> {
    const { device } = this.learner;
    if (this.#passes === 1) return [await device.capture(() => dispatch(this.sums))];
    const ofPass = device.tensor(new Float32Array(mostTotals));
    const byPass = device.empty([mostTotals], 'f32', this.#passes);
    const pass = await device.capture(() => dispatch(ofPass));
    const programs: Program[] = [];
    for (let at = 0; at < this.#passes; at++) {
      const keep = await device.capture(() => device.copy(ofPass, shardRange(byPass, at, 1)));
      programs.push(await this.#recordSelect(at), pass, keep);
    }
    return [...programs, await device.capture(() => treeSum(device, byPass, this.sums))];
  }

  /** What copies a pass's part of the inputs to where the pass reads it. */
  #recordSelect(pass: number): Promise<Program<void>> {
    const { device } = this.learner;
    return device.capture(() => {
      for (const [name, tensor] of Object.entries(this.#inputs.data))
        device.copy(shardRange(this.all.data[name]!, pass * this.shardsPerPass, this.shardsPerPass), tensor);
      device.copy(this.counters[pass]!, this.#inputs.counters);
    });
  }
}
