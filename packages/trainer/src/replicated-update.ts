// Every worker gets the whole gradient, and makes the same update of all weights.
import type { Optimizer, TensorMap, Rates } from '@lockstep/nn';
import type { Program, Tensor } from '@lockstep/tensor';
import { readGradients, readWholeState, recordWhole, type WholeUpdate } from './local-update.ts';
import {
  type Applied,
  inPlaceOfWeights,
  type SharedUpdate,
  spareWeights,
  type UpdateOptions,
  upload,
} from './update.ts';

export class ReplicatedUpdate implements SharedUpdate {
  readonly kind = 'replicated';
  readonly #options: UpdateOptions;
  readonly #optimizer: Optimizer;
  readonly #spare: Tensor | undefined;
  readonly #work: readonly [Program, Tensor, Tensor];

  /** Allocates the optimizer's memory and records its update. @throws {ConfigError} @throws {DeviceError} */
  static async create(options: UpdateOptions): Promise<ReplicatedUpdate> {
    return new ReplicatedUpdate(options, await recordWhole(options));
  }

  private constructor(options: UpdateOptions, { optimizer, program }: WholeUpdate) {
    this.#options = options;
    this.#optimizer = optimizer;
    this.#work = [program, optimizer.norm, optimizer.unsound];
    this.#spare = spareWeights(options);
  }

  get bytes(): number {
    return this.#optimizer.bytes;
  }

  schedule(step: number, rates: Rates): void {
    this.#optimizer.schedule(step, rates);
  }

  async reduce(bucket: number, nodes: readonly Float32Array[]): Promise<void> {
    const { group, parameters, wire, buckets } = this.#options;
    const sum = nodes[0]!;
    await group.allReduce(nodes, sum, { wire });
    upload(this.#options, parameters.gradients, buckets[bucket]!, sum);
  }

  async apply(): Promise<Applied> {
    const [norm, unsound] = await this.#options.device.submit(this.#work);
    return { norm: norm![0]!, sound: unsound![0] === 0, waitMs: 0 };
  }

  readGradients(): Promise<Float32Array<ArrayBuffer>> {
    return readGradients(this.#options);
  }

  readState(): Promise<Map<string, TensorMap>> {
    return readWholeState(this.#optimizer);
  }

  writeState(whole: ReadonlyMap<string, TensorMap>): void {
    this.#optimizer.write(whole);
  }

  begin(): void {
    this.#optimizer.begin();
  }

  using<T>(work: () => Promise<T>): Promise<T> {
    return inPlaceOfWeights(this.#options, this.#spare, { place: () => this.#optimizer.placeUsed(), work });
  }
}
