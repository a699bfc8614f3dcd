// The update of a worker that is alone: its gradients are everybody's, and nothing leaves the device.
import { Optimizer, type TensorMap, unpackStates, type Rates } from '@lockstep/nn';
import { chunkSquares, type Device, type Program, type Tensor } from '@lockstep/tensor';
import type { UpdatePlan } from '@lockstep/nn';
import { dispatchNorms, inPlaceOfWeights, type LocalUpdate, spareWeights, type UpdateOptions } from './update.ts';

/** An optimizer of all weights, and the program that updates them from their gradients. */
export interface WholeUpdate {
  readonly optimizer: Optimizer;
  readonly program: Program;
}

/** Allocates the optimizer's memory and records its update. @throws {ConfigError} @throws {DeviceError} */
export async function recordWhole({ device, parameters, plan, optimizer: value }: UpdateOptions): Promise<WholeUpdate> {
  const optimizer = new Optimizer(value, device, parameters, { plan });
  const sums = device.tensor(new Float32Array(optimizer.plan.slots));
  const program = await device.capture(() => {
    dispatchSquares(device, optimizer.plan, parameters.gradients, sums);
    dispatchNorms(device, sums, optimizer);
    optimizer.dispatch();
  });
  return { optimizer, program };
}

/** Sums of squares over all chunks of the grid, to their slots. */
function dispatchSquares(device: Device, { regions, chunks }: UpdatePlan, gradients: Tensor, sums: Tensor): void {
  for (const [i, { start, size }] of regions.entries()) {
    const own = chunks.filter(({ region }) => region === i);
    const y = device.view(sums, own[0]!.slot, [own.length]);
    chunkSquares(device, device.view(gradients, start, [size]), y, { chunk: own[0]!.size });
  }
}

export class AloneUpdate implements LocalUpdate {
  readonly kind = 'local';
  readonly work: readonly [Program, Tensor, Tensor];
  readonly #options: UpdateOptions;
  readonly #optimizer: Optimizer;
  readonly #spare: Tensor | undefined;

  static async create(options: UpdateOptions): Promise<AloneUpdate> {
    return new AloneUpdate(options, await recordWhole(options));
  }

  private constructor(options: UpdateOptions, { optimizer, program }: WholeUpdate) {
    this.#options = options;
    this.#optimizer = optimizer;
    this.work = [program, optimizer.norm, optimizer.unsound];
    this.#spare = spareWeights(options);
  }

  get bytes(): number {
    return this.#optimizer.bytes;
  }

  schedule(step: number, rates: Rates): void {
    this.#optimizer.schedule(step, rates);
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

export async function readGradients({ device, parameters }: UpdateOptions): Promise<Float32Array<ArrayBuffer>> {
  return device.view(parameters.gradients, 0, parameters.weights.shape).read();
}

/** Reads what an optimizer of all weights remembers. */
export async function readWholeState(optimizer: Optimizer): Promise<Map<string, TensorMap>> {
  return unpackStates(optimizer.plan, [{ segments: optimizer.segments, own: await optimizer.readOwn() }]);
}
