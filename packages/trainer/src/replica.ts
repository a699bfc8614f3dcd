// One worker's copy of the training state, and the step that all workers take together: gradients of the nodes that this
// worker holds, their canonical sum over all workers, and the same update everywhere.
import type { Group, ShardRange, Trace } from '@lockstep/collectives';
import { type Model, type OptimizerDescription, Parameters, type TensorMap } from '@lockstep/nn';
import { type Device, normChunk, type Piece, type WireFormat } from '@lockstep/tensor';
import { adaptersDiffer } from './adapters-differ.ts';
import type { BatchShape } from './batch.ts';
import { planBuckets } from './buckets.ts';
import type { TokenBatch } from './data/dataset.ts';
import { GradientStream } from './gradient-stream.ts';
import { NodeGradient } from './node-gradient.ts';
import { ReplicatedUpdate } from './replicated-update.ts';
import { ShardedUpdate } from './sharded-update.ts';
import { planPasses } from './plan-passes.ts';
import type { Learner } from './shard-pass.ts';
import { gradientsDiverged, requireFinite, stateDiverged } from './soundness.ts';
import type { Applied, Update, UpdateOptions } from './update.ts';

/** Everything that a run needs to go on: the weights, the optimizer's moments, and the number of steps they have seen. */
export interface TrainState {
  readonly step: number;
  readonly weights: TensorMap;
  /** By the optimizer's names for its tensors, then by parameter. */
  readonly optimizer: Map<string, TensorMap>;
}

/** What a step gave, the same on every worker, and where its time went on this one. */
export interface StepResult {
  /** Mean over the global batch before the update, in nats per token. */
  readonly loss: number;
  /** Norm of the whole gradient, before clipping. */
  readonly gradNorm: number;
  /** Whether any worker asked to stop after this step. */
  readonly stop: boolean;
  /** Until the last gradient had been read back; all of the step where nothing has to be. */
  readonly computeMs: number;
  /** What was waited for other workers after that: the communication that nothing hid. */
  readonly waitMs: number;
  /** The rest: the norm, the update, and what is read back of it. */
  readonly updateMs: number;
}

/** A step whose numbers are still to be judged. */
type Taken = StepResult & Pick<Applied, 'sound'>;

/** Gives the tokens of a range of shards. */
export type BatchSource = (shards: ShardRange) => TokenBatch;

export interface ReplicaOptions {
  readonly device: Device;
  readonly group: Group;
  readonly model: Model;
  readonly optimizer: OptimizerDescription;
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

/** Bytes of a worker's device, by what they are for. */
export interface ReplicaMemory {
  readonly weights: number;
  readonly gradients: number;
  /** Activations of one pass, what is shared between kernels, partial sums, inputs. */
  readonly work: number;
  /** What the optimizer remembers, and what leaves the device and comes back. */
  readonly optimizer: number;
  /** All of them. */
  readonly all: number;
}

/** How the workers share the work. */
export interface Sharing {
  /** Parts in which gradients leave the device; 0 where they need not. */
  readonly buckets: number;
  /** Whether each worker updates its own slice of the weights only. */
  readonly sharded: boolean;
  /** Whether some workers' adapters differ, which is a reason for it: roots and quotients may be rounded otherwise. */
  readonly mixedAdapters: boolean;
}

/** Places among the extras that travel with the gradients. */
const extra = { loss: 0, stop: 1 } as const;

interface Parts {
  readonly parameters: Parameters;
  readonly nodes: readonly NodeGradient[];
  readonly buckets: readonly Piece[];
  readonly update: Update;
  readonly sharing: Sharing;
  readonly memory: ReplicaMemory;
}

export class Replica {
  readonly device: Device;
  readonly model: Model;
  readonly parameters: Parameters;
  readonly sharing: Sharing;
  readonly memory: ReplicaMemory;
  readonly #group: Group;
  readonly #nodes: readonly NodeGradient[];
  readonly #update: Update;
  readonly #trace: Trace | undefined;
  /** None where the only worker holds the whole tree. */
  readonly #gradients: GradientStream | undefined;

  /** Allocates the state and records the programs of a step. All workers do so together. @throws {DeviceError} */
  static async create(options: ReplicaOptions): Promise<Replica> {
    const { device, group, model, shape, wire = 'f32' } = options;
    const before = device.stats.bytes;
    const parameters = new Parameters(device, model);
    parameters.initialize(options.seed);
    const { size } = parameters.weights;
    const buckets = planBuckets(size, { grain: normChunk(size), bytes: options.bucketBytes });
    const nodes: NodeGradient[] = [];
    for (const range of group.nodes) {
      const learner = { device, model, parameters };
      const shardsPerPass = await shardsPerPassOf(options, learner, { range, wire, buckets });
      nodes.push(await NodeGradient.create(learner, shape, { range, wire, buckets, shardsPerPass }));
    }
    const withNodes = device.stats.bytes;
    const { update, ...sharing } = await createUpdate({ ...options, parameters, buckets, wire });
    const { weights, gradients } = parameters;
    const memory = {
      weights: weights.byteLength,
      gradients: gradients.byteLength,
      work: withNodes - before - weights.byteLength - gradients.byteLength,
      optimizer: device.stats.bytes - withNodes,
      all: device.stats.bytes - before,
    };
    return new Replica(options, { parameters, nodes, buckets, update, sharing, memory });
  }

  private constructor(
    { device, group, model, trace }: ReplicaOptions,
    { parameters, nodes, buckets, update, sharing, memory }: Parts,
  ) {
    this.device = device;
    this.model = model;
    this.parameters = parameters;
    this.sharing = sharing;
    this.memory = memory;
    this.#group = group;
    this.#nodes = nodes;
    this.#update = update;
    this.#trace = trace;
    if (sharing.buckets === 0) return;
    this.#gradients = new GradientStream({
      device,
      parameters,
      nodes,
      buckets,
      allocate: (length) => group.allocate(length),
      trace,
    });
  }

  /** Shards that are computed side by side, and how many there are in all, on this worker. */
  get passes(): { readonly shardsPerPass: number; readonly shards: number } {
    const shardsPerPass = Math.max(...this.#nodes.map((node) => node.shardsPerPass));
    return { shardsPerPass, shards: this.#nodes.reduce((sum, { range }) => sum + range.hi - range.lo, 0) };
  }

  /**
   * Takes one step.
   * @param step steps taken before this one.
   * @param stop whether this worker wants the run to end after the step; the answer is everybody's.
   * @throws {DivergedError} on all workers alike, when the learning rate, the loss, a gradient or what comes of the update is not
   * finite. Only for a learning rate the state is still that of before.
   * @throws {DeviceError} @throws {PeerLostError} @throws {TimeoutError}
   */
  async step(options: {
    step: number;
    seed: number;
    learningRate: number;
    batch: BatchSource;
    stop: boolean;
  }): Promise<StepResult> {
    const { step, seed, learningRate, batch } = options;
    requireFinite(`learning rate for step ${step + 1}`, learningRate);
    for (const node of this.#nodes) node.load(batch(node.range), { seed, step });
    this.#update.schedule(step + 1, learningRate);
    const { sound, ...result } = await (this.#gradients
      ? this.#stepTogether(this.#gradients, options.stop)
      : this.#stepAlone(options.stop));
    await this.#requireSound(step + 1, { loss: result.loss, norm: result.gradNorm, sound });
    return result;
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
  async #stepAlone(stop: boolean): Promise<Taken> {
    const start = performance.now();
    const { extras } = this.parameters;
    const [sums, norm, unsound] = await this.device.submit([
      ...this.#nodes[0]!.gradient,
      extras,
      ...this.#update.work!,
    ]);
    const end = performance.now();
    this.#trace?.({ category: 'compute', name: 'step', start, end });
    return {
      loss: sums![extra.loss]!,
      gradNorm: norm![0]!,
      sound: unsound![0] === 0,
      stop,
      computeMs: end - start,
      waitMs: 0,
      updateMs: 0,
    };
  }

  async #stepTogether(gradients: GradientStream, stop: boolean): Promise<Taken> {
    const began = performance.now();
    const extras = gradients.at(gradients.extras)[0]!;
    const computed = await gradients.run(async (range, nodes) => {
      if (range !== gradients.extras) return this.#update.reduce(range, nodes);
      extras[extra.stop] = stop ? 1 : 0;
      return this.#group.allReduce(nodes, extras);
    });
    const reduced = performance.now();
    const { norm, sound, waitMs } = await this.#update.apply();
    const end = performance.now();
    this.#trace?.({ category: 'wait', name: 'gradients', start: computed, end: reduced });
    this.#trace?.({ category: 'update', name: 'update', start: reduced, end });
    return {
      loss: extras[extra.loss]!,
      gradNorm: norm,
      sound,
      stop: extras[extra.stop]! > 0,
      computeMs: computed - began,
      waitMs: reduced - computed + waitMs,
      updateMs: end - reduced - waitMs,
    };
  }

  /**
   * Mean loss over whole batches, in nats per token; the same on every worker.
   * @param stop asked in each batch: whether this worker wants no further one. If any does, all give nothing.
   */
  async evaluate(
    batches: readonly BatchSource[],
    { stop = () => false }: { stop?: () => boolean } = {},
  ): Promise<number | undefined> {
    let total = 0;
    for (const batch of batches) {
      const { loss, isLast } = await this.#evaluateOne(batch, stop);
      if (isLast) return undefined;
      total += loss;
    }
    return total / batches.length;
  }

  /** Of one batch; whether it is to be the last travels with its loss. */
  async #evaluateOne(batch: BatchSource, stop: () => boolean): Promise<{ loss: number; isLast: boolean }> {
    for (const node of this.#nodes) node.load(batch(node.range), { seed: 0, step: 0 });
    const losses = await this.device.submit(this.#nodes.flatMap(({ evaluation, loss }) => [...evaluation, loss]));
    const shares = losses.map(([loss]) => Float32Array.of(loss!, 0));
    shares[0]![extra.stop] = stop() ? 1 : 0;
    const sums = new Float32Array(2);
    await this.#group.allReduce(shares, sums);
    return { loss: sums[extra.loss]!, isLast: sums[extra.stop]! > 0 };
  }

  /** Host copies of the state after `step` steps. Where the optimizer is sharded, all workers ask for it together. */
  async state(step: number): Promise<TrainState> {
    const weights = await this.parameters.read();
    const moments = await this.#update.readState();
    return {
      step,
      weights,
      optimizer: new Map(Array.from(moments, ([name, flat]) => [name, this.parameters.unpack(flat)])),
    };
  }

  /** Goes on from a state. @throws {CheckpointError} when it belongs to another model or optimizer. */
  restore(state: TrainState): void {
    this.parameters.load(state.weights);
    this.#update.writeState((name) => this.parameters.pack(state.optimizer.get(name) ?? new Map()));
  }
}

/** Moments that AdamW keeps of each parameter, the most of all optimizers. */
const mostMoments = 2;

async function shardsPerPassOf(
  { shape, shardsPerPass = shape.shards, memoryBytes }: ReplicaOptions,
  learner: Learner,
  node: { readonly range: ShardRange; readonly wire: WireFormat; readonly buckets: readonly Piece[] },
): Promise<number> {
  if (memoryBytes === undefined) return shardsPerPass;
  return planPasses(learner, shape, { ...node, memoryBytes, moments: mostMoments });
}

/** Chooses between the two forms of an update. Where adapters differ only one keeps the weights of all workers equal. */
async function createUpdate(options: UpdateOptions): Promise<Sharing & { update: Update }> {
  const { device, group, optimizer, buckets } = options;
  const mixedAdapters = await adaptersDiffer(device, group);
  const sharded = group.size > 1 && (mixedAdapters || optimizer.shard === true);
  const alone = group.size === 1 && group.nodes.length === 1;
  const update = sharded
    ? await ShardedUpdate.create({ ...options, mixed: mixedAdapters })
    : await ReplicatedUpdate.create(options);
  return { update, sharded, mixedAdapters, buckets: alone ? 0 : buckets.length };
}
