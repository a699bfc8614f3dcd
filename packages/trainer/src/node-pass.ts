// The work of one node of the reduction tree on one device: forward and backward over its shards in a single pass. The
// gradient of a node is the same bits wherever it is computed, since rows never meet except along the tree.
import type { ShardRange } from '@lockstep/collectives';
import { languageModelLoss, type Model, type Parameters } from '@lockstep/nn';
import { type Device, type Program, type Tensor, treeSum } from '@lockstep/tensor';
import type { TokenBatch } from './data/dataset.ts';
import { type BatchShape, positionsOf, sequencesPerShard, tokensPerStep } from './batch.ts';

/** What a pass computes with. */
export interface Learner {
  readonly device: Device;
  readonly model: Model;
  readonly parameters: Parameters;
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

  /** Records the programs of a node. @throws {DeviceError} */
  static async create(learner: Learner, shape: BatchShape, range: ShardRange): Promise<NodePass> {
    const { device, model, parameters } = learner;
    const shards = range.hi - range.lo;
    const sequences = shards * sequencesPerShard(shape);
    const grid = [sequences, shape.context];
    const tokens = device.empty(grid, 'u32');
    const targets = device.empty(grid, 'u32');
    const random = device.empty([4], 'u32');
    const positions = device.tensor(positionsOf(sequences, shape.context), grid);
    const loss = (training: boolean): Tensor =>
      languageModelLoss(
        model,
        parameters,
        { tokens, targets, positions, shards, ...(training && { random }) },
        { rows: tokensPerStep(shape) },
      );

    const lossSlot = device.view(parameters.extras, 0, [1]);
    const gradient = await device.capture(() => {
      const value = device.differentiate(() => loss(true), { shards });
      treeSum(device, value, lossSlot);
    });
    const evaluation = await device.capture(() => loss(false));
    return new NodePass(range, { tokens, targets, random }, { gradient, evaluation });
  }

  private constructor(
    range: ShardRange,
    inputs: { tokens: Tensor; targets: Tensor; random: Tensor },
    programs: { gradient: Program; evaluation: Program<Tensor> },
  ) {
    this.range = range;
    this.#tokens = inputs.tokens;
    this.#targets = inputs.targets;
    this.#random = inputs.random;
    this.gradient = programs.gradient;
    this.evaluation = programs.evaluation;
  }

  /** Puts the next batch in place. `seed` and `step` key the random numbers of the pass. */
  load({ tokens, targets }: TokenBatch, { seed, step }: { seed: number; step: number }): void {
    this.#tokens.write(tokens);
    this.#targets.write(targets);
    this.#random.write(Uint32Array.of(seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0, step, this.range.lo));
  }
}
