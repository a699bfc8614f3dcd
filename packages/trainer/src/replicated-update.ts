// Every worker gets the whole gradient, and makes the same update of all weights.
import type { Optimizer } from '@lockstep/nn';
import { euclideanNorm, type Piece, type Program, type Tensor } from '@lockstep/tensor';
import { type Applied, optimizerOf, type Update, type UpdateOptions, upload } from './update.ts';

export class ReplicatedUpdate implements Update {
  readonly work: readonly [Program, Tensor, Tensor];
  readonly #options: UpdateOptions;
  readonly #optimizer: Optimizer;

  /** Allocates the optimizer's memory and records its update. @throws {DeviceError} */
  static async create(options: UpdateOptions): Promise<ReplicatedUpdate> {
    const { device, parameters } = options;
    const { weights, gradients } = parameters;
    const optimizer = optimizerOf(options);
    const program = await device.capture(() => {
      euclideanNorm(device, device.view(gradients, 0, [weights.size]), optimizer.norm);
      optimizer.dispatch();
    });
    return new ReplicatedUpdate(options, optimizer, program);
  }

  private constructor(options: UpdateOptions, optimizer: Optimizer, program: Program) {
    this.#options = options;
    this.#optimizer = optimizer;
    this.work = [program, optimizer.norm, optimizer.unsound];
  }

  schedule(step: number, learningRate: number): void {
    this.#optimizer.schedule(step, learningRate);
  }

  async reduce(bucket: Piece, nodes: readonly Float32Array[]): Promise<void> {
    const { group, parameters, wire } = this.#options;
    const sum = nodes[0]!;
    await group.allReduce(nodes, sum, { wire });
    upload(this.#options, parameters.gradients, bucket, sum);
  }

  async apply(): Promise<Applied> {
    const [norm, unsound] = await this.#options.device.submit(this.work);
    return { norm: norm![0]!, sound: unsound![0] === 0, waitMs: 0 };
  }

  async readGradients(): Promise<Float32Array<ArrayBuffer>> {
    const { device, parameters } = this.#options;
    return device.view(parameters.gradients, 0, parameters.weights.shape).read();
  }

  async readState(): Promise<ReadonlyMap<string, Float32Array<ArrayBuffer>>> {
    const { state } = this.#optimizer;
    const moments = await this.#options.device.read(Object.values(state));
    return new Map(Object.keys(state).map((name, i) => [name, moments[i]!]));
  }

  writeState(whole: (name: string) => Float32Array): void {
    this.#optimizer.unsound.write(Uint32Array.of(0));
    for (const [name, tensor] of Object.entries(this.#optimizer.state)) tensor.write(whole(name));
  }
}
