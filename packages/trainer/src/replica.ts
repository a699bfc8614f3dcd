// One worker's copy of the training state, and the step that all workers take together: gradients of the nodes that this
// worker holds, their canonical sum over all workers, and the same update everywhere.
import type { Group, ShardRange, Trace } from '@lockstep/collectives';
import {
  ConfigError,
  type Facts,
  type LossValue,
  type Model,
  type ModelValue,
  namedRates,
  type OptimizerValue,
  type Parameters,
  planUpdate,
  type TensorMap,
  type UpdatePlan,
  usedWeights,
  withDerived,
} from '@lockstep/nn';
import { type Device, type Piece, type Program, type Tensor, type WireFormat } from '@lockstep/tensor';
import type { BatchShape } from './batch.ts';
import { planBuckets } from './buckets.ts';
import { fitNode, fitting } from './fitting.ts';
import { learnerOn } from './learner.ts';
import { GradientStream } from './gradient-stream.ts';
import { requireMetricNames } from './metric-names.ts';
import { NodeGradient, type NodeOptions } from './node-gradient.ts';
import { type Norms, normsOf } from './norms.ts';
import { planPasses } from './plan-passes.ts';
import type { ReplicaMemory } from './replica-memory.ts';
import { extra, type Learner, mostTotals } from './shard-pass.ts';
import { gradientsDiverged, requireFinite, stateDiverged } from './soundness.ts';
import type { TrainState } from './state.ts';
import type { TrainedModel } from './trained-model.ts';
import type { BatchSource, Evaluation, StepOptions, StepResult } from './step.ts';
import { meansOf } from './term-sums.ts';
import { createUpdate, type Sharing } from './create-update.ts';
import type { Applied, LocalUpdate, SharedUpdate } from './update.ts';

/** A step whose numbers are still to be judged. */
type Taken = Omit<StepResult, 'isEmpty'> & Pick<Applied, 'sound'>;

type Wishes = Pick<StepOptions, 'stop' | 'end'>;

export interface ReplicaOptions {
  readonly device: Device;
  readonly group: Group;
  readonly model: ModelValue;
  /** What the data says of itself. */
  readonly facts: Facts;
  /** `nextToken()` unless given. */
  readonly loss?: LossValue | undefined;
  /** Trained models that the loss asks for logits. */
  readonly teachers?: readonly TrainedModel[] | undefined;
  readonly optimizer: OptimizerValue;
  readonly shape: BatchShape;
  /** The weights are drawn from it. */
  readonly seed: number;
  /** How gradients are rounded to travel; f32 unless given. */
  readonly wire?: WireFormat | undefined;
  /** Shards that are computed side by side at the most, a power of two; all unless given. No bit depends on it. */
  readonly shardsPerPass?: number | undefined;
  /** Bytes of the device that may be used: as many shards are computed side by side as fit into them. */
  readonly memoryBytes?: number | undefined;
  /** Bytes of gradients that are read back and reduced at a time, about; the same on every worker. No bit depends on it. */
  readonly bucketBytes?: number | undefined;
  readonly trace?: Trace | undefined;
}

interface Parts {
  readonly learner: Learner;
  readonly parameters: Parameters;
  readonly plan: UpdatePlan;
  readonly nodes: readonly NodeGradient[];
  readonly buckets: readonly Piece[];
  readonly update: LocalUpdate | SharedUpdate;
  readonly sharing: Sharing;
  readonly memory: ReplicaMemory;
}

/** What further nodes are recorded with. */
interface Recording {
  readonly learner: Learner;
  readonly shape: BatchShape;
  readonly nodeOptions: Omit<NodeOptions, 'range'>;
}

/** One worker of a run: its model, optimizer and the programs of a step, computed together with its group. */
export class Replica {
  readonly device: Device;
  readonly model: Model;
  readonly parameters: Parameters;
  readonly sharing: Sharing;
  readonly memory: ReplicaMemory;
  readonly #group: Group;
  readonly #plan: UpdatePlan;
  readonly #nodes: readonly NodeGradient[];
  readonly #update: LocalUpdate | SharedUpdate;
  readonly #trace: Trace | undefined;
  readonly #totals: Tensor;
  readonly #recording: Recording;
  /** None where the only worker holds the whole tree. */
  readonly #gradients: GradientStream | undefined;

  /** Allocates the state and records the programs of a step. All workers do so together. @throws {DeviceError} */
  static async create(options: ReplicaOptions): Promise<Replica> {
    const { device, group, shape, wire = 'f32' } = options;
    if (group.shards !== shape.shards)
      throw new ConfigError(`replica: expected a group of ${shape.shards} shards, got one of ${group.shards}`);
    const before = device.stats.bytes;
    const learner = await fitting(device, async () => learnerOn(device, options));
    const { parameters } = learner;
    parameters.initialize(options.seed);
    const plan = planUpdate(options.optimizer, parameters);
    const buckets = planBuckets({ cuts: plan.cuts, bytes: options.bucketBytes });
    const withParameters = device.stats.bytes;
    // Before the nodes, which do with what is left.
    const { update, ...sharing } = await fitting(device, () =>
      createUpdate({ ...options, parameters, plan, buckets, wire }),
    );
    const withUpdate = device.stats.bytes;
    const nodes: NodeGradient[] = [];
    for (const range of group.nodes) {
      const shardsPerPass = await shardsPerPassOf(options, plan, { range, wire, buckets });
      nodes.push(await fitNode(learner, shape, { range, wire, buckets, shardsPerPass }));
    }
    const { weights, gradients } = parameters;
    const optimizer = withUpdate - withParameters;
    const all = device.stats.bytes - before;
    const work = all - optimizer - weights.byteLength - gradients.byteLength;
    const memory = { weights: weights.byteLength, gradients: gradients.byteLength, work, optimizer, all };
    const replica = new Replica(options, { learner, parameters, plan, nodes, buckets, update, sharing, memory });
    requireMetricNames(replica.metrics);
    return replica;
  }

  private constructor(
    { device, group, trace, shape, wire = 'f32' }: ReplicaOptions,
    { learner, parameters, plan, nodes, buckets, update, sharing, memory }: Parts,
  ) {
    this.device = device;
    this.model = learner.model;
    this.parameters = parameters;
    this.#totals = learner.totals;
    this.#recording = { learner, shape, nodeOptions: { wire, buckets, shardsPerPass: nodes[0]!.shardsPerPass } };
    this.sharing = sharing;
    this.memory = memory;
    this.#group = group;
    this.#plan = plan;
    this.#nodes = nodes;
    this.#update = update;
    this.#trace = trace;
    if (update.kind === 'local') return;
    this.#gradients = new GradientStream({
      device,
      parameters,
      nodes,
      buckets,
      allocate: (length) => group.allocate(length),
      trace,
    });
  }

  /** Names of what the loss gives beside itself. */
  get metrics(): string[] {
    const means = Object.fromEntries(this.#nodes[0]!.notes.metrics.map(({ name }) => [name, 1]));
    return Object.keys(withDerived(this.#recording.learner.loss, { loss: 1, ...means })).slice(1);
  }

  /** Shards that are computed side by side, and how many there are in all, on this worker. */
  get passes(): { readonly shardsPerPass: number; readonly shards: number } {
    const shardsPerPass = Math.max(...this.#nodes.map((node) => node.shardsPerPass));
    return { shardsPerPass, shards: this.#nodes.reduce((sum, { range }) => sum + range.hi - range.lo, 0) };
  }

  /**
   * Takes one step.
   * @throws {DivergedError} on all workers alike, when the learning rate, the loss, a gradient or what comes of the update is not
   * finite. Only for a learning rate the state is still that of before.
   * @throws {DeviceError} @throws {PeerLostError} @throws {TimeoutError}
   */
  async step(options: StepOptions): Promise<StepResult> {
    const { step, seed, learningRate, batch } = options;
    for (const [name, rate] of namedRates(learningRate)) requireFinite(`${name} for step ${step + 1}`, rate);
    for (const node of this.#nodes) node.load(batch(node.range), { seed, step });
    const isEmpty = await this.#sumWeights();
    this.#update.schedule(step + 1, learningRate);
    const update = this.#update;
    const { sound, ...result } = await (update.kind === 'local'
      ? this.#stepAlone(update, options)
      : this.#stepTogether(update, options));
    await this.#requireSound(step + 1, { loss: result.loss, norm: result.gradNorm, sound });
    return { ...result, isEmpty };
  }

  /**
   * Where rows of the batch have weights, their sum over all shards has to be there before backward divides by it. Returns whether some
   * part of the loss has none.
   */
  async #sumWeights(): Promise<boolean> {
    const { totals: count } = this.#nodes[0]!.notes;
    if (count === 0) return false;
    const shares = await this.device.submit(this.#nodes.flatMap(({ totals, sums }) => [...totals, sums]));
    const sum = new Float32Array(mostTotals);
    await this.#group.allReduce(shares, sum);
    this.#totals.write(sum);
    return sum.subarray(0, count).includes(0);
  }

  /** The metrics of a step, which travel behind its loss. */
  #metricsIn(extras: Float32Array): Record<string, number> {
    const means = meansOf(this.#nodes[0]!.notes.metrics, extras.subarray(extra.metrics));
    const { loss: _, ...metrics } = withDerived(this.#recording.learner.loss, { loss: extras[extra.loss]!, ...means });
    return metrics;
  }

  /**
   * The work of a step on a worker that is alone, with its inputs in place, and not done: for those who measure it.
   * @throws {ConfigError} where there are others.
   */
  prepare({ step, seed, learningRate, batch }: Omit<StepOptions, 'stop' | 'end'>): {
    programs: Program[];
    norm: Tensor;
  } {
    const [update, node] = [this.#update, this.#nodes[0]!];
    if (update.kind !== 'local') throw new ConfigError('prepare: expected a worker that is alone, got one of several');
    node.load(batch(node.range), { seed, step });
    update.schedule(step + 1, learningRate);
    const [program, norm] = update.work;
    return { programs: [...node.totals, ...node.gradient, program], norm };
  }

  /** What names a number that is not finite has to be read first, by all together; but then the run is over. */
  async #requireSound(
    step: number,
    { loss, norm, sound }: { loss: number; norm: number; sound: boolean },
  ): Promise<void> {
    requireFinite(`loss in step ${step}`, loss);
    if (!Number.isFinite(norm)) {
      const gradients = this.parameters.unpack(await this.#update.readGradients());
      throw gradientsDiverged(step, norm, gradients);
    }
    if (!sound) throw stateDiverged(await this.state(step));
  }

  /** The only worker holds the whole tree: its gradient is the sum already and need not leave the device. */
  async #stepAlone({ work }: LocalUpdate, { stop, end: isLast = false }: Wishes): Promise<Taken> {
    const start = performance.now();
    const { extras } = this.parameters;
    const [sums, norm, unsound] = await this.device.submit([...this.#nodes[0]!.gradient, extras, ...work]);
    const end = performance.now();
    this.#trace?.({ category: 'compute', name: 'step', start, end });
    return {
      loss: sums![extra.loss]!,
      metrics: this.#metricsIn(sums!),
      gradNorm: norm![0]!,
      sound: unsound![0] === 0,
      stop,
      end: isLast,
      computeMs: end - start,
      waitMs: 0,
      updateMs: 0,
    };
  }

  async #stepTogether(update: SharedUpdate, { stop, end: isLast }: Wishes): Promise<Taken> {
    const gradients = this.#gradients!;
    const began = performance.now();
    const extras = gradients.at(gradients.extras)[0]!;
    const computed = await gradients.run(async (bucket, nodes) => {
      if (bucket !== 'extras') return update.reduce(bucket, nodes);
      extras[extra.stop] = stop ? 1 : 0;
      extras[extra.end] = isLast ? 1 : 0;
      return this.#group.allReduce(nodes, extras);
    });
    const reduced = performance.now();
    const { norm, sound, waitMs } = await update.apply();
    const end = performance.now();
    this.#trace?.({ category: 'wait', name: 'gradients', start: computed, end: reduced });
    this.#trace?.({ category: 'update', name: 'update', start: reduced, end });
    return {
      loss: extras[extra.loss]!,
      metrics: this.#metricsIn(extras),
      gradNorm: norm,
      sound,
      stop: extras[extra.stop]! > 0,
      end: extras[extra.end]! > 0,
      computeMs: computed - began,
      waitMs: reduced - computed + waitMs,
      updateMs: end - reduced - waitMs,
    };
  }

  /**
   * Means over all rows of whole batches; the same on every worker.
   * @param stop asked in each batch: whether this worker wants no further one. If any does, all give nothing.
   */
  evaluate(
    batches: readonly BatchSource[],
    { stop = () => false }: { stop?: () => boolean } = {},
  ): Promise<Evaluation | undefined> {
    return this.using(() => this.#evaluate(batches, stop));
  }

  /**
   * Runs `work` with the weights to use in {@link parameters}: an average, where the optimizer names one, else those that are trained. All
   * workers do so together.
   */
  using<T>(work: () => Promise<T>): Promise<T> {
    return this.#update.using(work);
  }

  async #evaluate(batches: readonly BatchSource[], stop: () => boolean): Promise<Evaluation | undefined> {
    const total = new Float64Array(mostTotals);
    for (const [index, batch] of batches.entries()) {
      const { sums, isLast } = await this.#evaluateOne(batch, index, stop);
      if (isLast) return undefined;
      for (const [at, sum] of sums.entries()) total[at]! += sum;
    }
    const { loss: mean = 0, ...means } = meansOf(this.#nodes[0]!.evaluated, total, { batches: batches.length });
    const { loss = 0, ...metrics } = withDerived(this.#recording.learner.loss, { loss: mean, ...means });
    return { loss, metrics };
  }

  /** Computes the losses of one batch; whether it is to be the last travels with its sums. */
  async #evaluateOne(
    batch: BatchSource,
    index: number,
    stop: () => boolean,
  ): Promise<{ sums: Float32Array; isLast: boolean }> {
    for (const node of this.#nodes) node.load(batch(node.range), { seed: 0, step: index });
    const found = await this.device.submit(this.#nodes.flatMap(({ evaluation, sums }) => [...evaluation, sums]));
    const shares = found.map((sums) => Float32Array.of(...sums, 0));
    shares[0]![mostTotals] = stop() ? 1 : 0;
    const sums = new Float32Array(mostTotals + 1);
    await this.#group.allReduce(shares, sums);
    return { sums: sums.subarray(0, mostTotals), isLast: sums[mostTotals]! > 0 };
  }

  /** Host copies of the state after `step` steps. Where the optimizer is sharded, all workers ask for it together. */
  async state(step: number): Promise<TrainState> {
    const [weights, optimizer] = [await this.parameters.read(), await this.#update.readState()];
    const used = this.#plan.hasUse ? usedWeights(this.#plan, weights, optimizer) : undefined;
    return { step, weights, optimizer, ...(used && { used }) };
  }

  /**
   * A part of a step's gradient and of its loss, as it enters the sum over all shards: of a node of the tree. The step is not taken.
   */
  async gradientOf(
    range: ShardRange,
    { step, seed, batch }: Pick<StepOptions, 'step' | 'seed' | 'batch'>,
  ): Promise<{ loss: number; gradients: TensorMap }> {
    for (const node of this.#nodes) node.load(batch(node.range), { seed, step });
    await this.#sumWeights();
    const { learner, shape, nodeOptions } = this.#recording;
    const node = await NodeGradient.create(learner, shape, { ...nodeOptions, range });
    node.load(batch(range), { seed, step });
    const { gradients, extras, weights } = this.parameters;
    const own = this.device.view(gradients, 0, weights.shape);
    const [sums, flat] = await this.device.submit([...node.gradient, extras, own]);
    return { loss: sums![extra.loss]!, gradients: this.parameters.unpack(flat as Float32Array<ArrayBuffer>) };
  }

  /** Norms of the weights, and of the last step's gradient. All workers ask for them together. */
  async norms(): Promise<Norms> {
    return normsOf(await this.parameters.read(), this.parameters.unpack(await this.#update.readGradients()));
  }

  /** Begins with other weights than the seed's, all or some. @throws {CheckpointError} for those of another model. */
  begin(weights: TensorMap): void {
    this.parameters.replace(weights);
    this.#update.begin();
  }

  /** Goes on from a state. @throws {CheckpointError} when it belongs to another model or optimizer. */
  restore(state: TrainState): void {
    this.parameters.load(state.weights);
    this.#update.writeState(state.optimizer);
  }
}

async function shardsPerPassOf(
  options: ReplicaOptions,
  { remembered }: UpdatePlan,
  node: { readonly range: ShardRange; readonly wire: WireFormat; readonly buckets: readonly Piece[] },
): Promise<number> {
  const { device, shape, shardsPerPass = shape.shards, memoryBytes } = options;
  if (memoryBytes === undefined) return shardsPerPass;
  return planPasses((twin) => learnerOn(twin, options), device, shape, { ...node, memoryBytes, remembered });
}
