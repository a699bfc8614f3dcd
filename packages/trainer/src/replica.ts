// One worker's copy of the training state, and the step that all workers take together: gradients of the nodes that this
// worker holds, their canonical sum over all workers, and the same update everywhere.
import type { Group, ShardRange } from '@lockstep/collectives';
import {
  blockSize,
  createOptimizer,
  type Model,
  type Optimizer,
  type OptimizerDescription,
  Parameters,
  type ParameterSpec,
  type TensorMap,
} from '@lockstep/nn';
import type { Device, Program } from '@lockstep/tensor';
import type { BatchShape } from './batch.ts';
import type { TokenBatch } from './data/dataset.ts';
import { NodePass } from './node-pass.ts';

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
  readonly computeMs: number;
  readonly reduceMs: number;
  readonly updateMs: number;
}

/** Gives the tokens of a range of shards. */
export type BatchSource = (shards: ShardRange) => TokenBatch;

/** Places among the extras that travel with the gradients. */
const extra = { loss: 0, stop: 1 } as const;

/** Vectors (gains and biases) do not decay; matrices and embeddings do. */
const decays = ({ shape }: ParameterSpec): number => (shape.length >= 2 ? 1 : 0);

export class Replica {
  readonly device: Device;
  readonly model: Model;
  readonly parameters: Parameters;
  readonly #group: Group;
  readonly #optimizer: Optimizer;
  readonly #passes: readonly NodePass[];
  readonly #update: Program;
  /** Host copies of the gradients of this worker's nodes, reused from step to step. */
  readonly #nodes: Float32Array<ArrayBuffer>[];

  /** Allocates the state and records the programs of a step. The weights are drawn from `seed`. @throws {DeviceError} */
  static async create(options: {
    device: Device;
    group: Group;
    model: Model;
    optimizer: OptimizerDescription;
    shape: BatchShape;
    seed: number;
  }): Promise<Replica> {
    const { device, group, model, shape } = options;
    const parameters = new Parameters(device, model);
    parameters.initialize(options.seed);
    const { weights, gradients } = parameters;
    const optimizer = createOptimizer(options.optimizer, device, {
      weights,
      gradients,
      decay: device.tensor(parameters.perBlock(decays)),
    });
    const passes: NodePass[] = [];
    for (const node of group.nodes) passes.push(await NodePass.create({ device, model, parameters }, shape, node));
    const update = await device.capture(() => optimizer.dispatch());
    return new Replica(options, parameters, optimizer, passes, update);
  }

  private constructor(
    { device, group, model }: { device: Device; group: Group; model: Model },
    parameters: Parameters,
    optimizer: Optimizer,
    passes: readonly NodePass[],
    update: Program,
  ) {
    this.device = device;
    this.model = model;
    this.parameters = parameters;
    this.#group = group;
    this.#optimizer = optimizer;
    this.#passes = passes;
    this.#update = update;
    this.#nodes = passes.map(() => new Float32Array(parameters.gradients.size));
  }

  /**
   * Takes one step.
   * @param step steps taken before this one.
   * @param stop whether this worker wants the run to end after the step; the answer is everybody's.
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
    for (const pass of this.#passes) pass.load(batch(pass.range), { seed, step });
    this.#optimizer.schedule(step + 1, learningRate);
    const alone = this.#group.size === 1 && this.#passes.length === 1;
    return alone ? this.#stepAlone(options.stop) : this.#stepTogether(options.stop);
  }

  /** The only worker holds the whole tree: its gradient is the sum already and need not leave the device. */
  async #stepAlone(stop: boolean): Promise<StepResult> {
    const began = performance.now();
    const { extras } = this.parameters;
    const [sums, norm] = await this.device.submit([
      this.#passes[0]!.gradient,
      extras,
      this.#update,
      this.#optimizer.norm,
    ]);
    return {
      loss: sums![extra.loss]!,
      gradNorm: norm![0]!,
      stop,
      computeMs: performance.now() - began,
      reduceMs: 0,
      updateMs: 0,
    };
  }

  async #stepTogether(stop: boolean): Promise<StepResult> {
    const { gradients } = this.parameters;
    const began = performance.now();
    await this.device.submit(
      this.#passes.flatMap(({ gradient }) => [gradient, gradients]),
      this.#nodes,
    );
    const computed = performance.now();
    const sum = this.#nodes[0]!;
    const extras = sum.subarray(sum.length - blockSize);
    extras[extra.stop] = stop ? 1 : 0;
    await this.#group.allReduce(this.#nodes, sum);
    const reduced = performance.now();
    gradients.write(sum);
    const [norm] = await this.device.submit([this.#update, this.#optimizer.norm]);
    return {
      loss: extras[extra.loss]!,
      gradNorm: norm![0]!,
      stop: extras[extra.stop]! > 0,
      computeMs: computed - began,
      reduceMs: reduced - computed,
      updateMs: performance.now() - reduced,
    };
  }

  /** Mean loss over whole batches, in nats per token; the same on every worker. */
  async evaluate(batches: readonly BatchSource[]): Promise<number> {
    const nodes = this.#passes.map(() => new Float32Array(batches.length));
    for (const [index, batch] of batches.entries()) {
      for (const pass of this.#passes) pass.load(batch(pass.range), { seed: 0, step: 0 });
      const losses = await this.device.submit(
        this.#passes.flatMap(({ evaluation }) => [evaluation, evaluation.result]),
      );
      losses.forEach(([loss], node) => (nodes[node]![index] = loss!));
    }
    const sums = new Float32Array(batches.length);
    await this.#group.allReduce(nodes, sums);
    return sums.reduce((total, loss) => total + loss, 0) / batches.length;
  }

  /** Host copies of the state after `step` steps. */
  async state(step: number): Promise<TrainState> {
    const names = Object.keys(this.#optimizer.state);
    const [weights, ...moments] = await this.device.read([
      this.parameters.weights,
      ...Object.values(this.#optimizer.state),
    ]);
    return {
      step,
      weights: this.parameters.unpack(weights!),
      optimizer: new Map(names.map((name, i) => [name, this.parameters.unpack(moments[i]!)])),
    };
  }

  /** Goes on from a state. @throws {CheckpointError} when it belongs to another model or optimizer. */
  restore(state: TrainState): void {
    this.parameters.load(state.weights);
    for (const [name, tensor] of Object.entries(this.#optimizer.state))
      tensor.write(this.parameters.pack(state.optimizer.get(name) ?? new Map()));
  }
}
