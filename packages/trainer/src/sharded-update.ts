// Owner-computes: each worker gets its slice of every bucket's sum, updates the weights of those slices and sends them to the
// rest. The optimizer's memory is divided by the number of workers. The norm of the gradient is made of sums over chunks of a
// fixed grid, and slices are made of whole chunks, so its bits are those of the replicated form.
import { sliceBounds, sliceOf } from '@lockstep/collectives';
import type { Optimizer } from '@lockstep/nn';
import { chunkSquares, normChunk, type Piece, type Program, rootOfSums, type Tensor } from '@lockstep/tensor';
import { type Applied, optimizerOf, type Update, type UpdateOptions, upload } from './update.ts';

/** Elements between places at which a tensor may be bound. */
const alignment = 64;

const aligned = (count: number): number => Math.ceil(count / alignment) * alignment;

export interface ShardedUpdateOptions extends UpdateOptions {
  /** Whether adapters differ, which may round square roots differently: the norm is then computed on the host. */
  readonly mixed: boolean;
}

/** What is on the device for a sharded update. */
interface Parts {
  readonly optimizer: Optimizer;
  /** Sums of squares over the chunks of this worker's slices; each slice begins at a multiple of 64. */
  readonly ownSums: Tensor;
  /** The same of all chunks, in their order. */
  readonly sums: Tensor;
  readonly squares: Program;
  readonly update: Program;
}

export class ShardedUpdate implements Update {
  readonly #options: ShardedUpdateOptions;
  readonly #parts: Parts;
  readonly #chunk: number;
  /** By rank, the slice of each bucket. Some may be empty. */
  readonly #slices: readonly (readonly Piece[])[];
  /** Host copies: of this worker's slices of the summed gradients, and of all weights. */
  readonly #gradients: Float32Array;
  readonly #weights: Float32Array;
  /** Sums of squares: a row of equal length from each rank. */
  readonly #rows: Float32Array;
  /** By rank, what is not 0 where its update is unsound. */
  readonly #allUnsound: Float32Array;

  /** Allocates the optimizer's memory of this worker's slices and records their update. @throws {DeviceError} */
  static async create(options: ShardedUpdateOptions): Promise<ShardedUpdate> {
    const { device, group, parameters, buckets, mixed } = options;
    const { weights, gradients } = parameters;
    const chunk = normChunk(weights.size);
    const own = slicesOf(buckets, group, chunk)[group.rank]!.filter(({ size }) => size > 0);
    const optimizer = optimizerOf(options, own);
    const ownSums = device.empty([Math.max(alignment, sumsLength(own, chunk))]);
    const sums = device.empty([Math.ceil(weights.size / chunk)]);
    const squares = await device.capture(() => {
      let at = 0;
      for (const { start, size } of own) {
        const chunks = Math.ceil(size / chunk);
        chunkSquares(device, device.view(gradients, start, [size]), device.view(ownSums, at, [chunks]), { chunk });
        at += aligned(chunks);
      }
    });
    const update = await device.capture(() => {
      if (!mixed) rootOfSums(device, sums, optimizer.norm);
      optimizer.dispatch();
    });
    return new ShardedUpdate(options, { optimizer, ownSums, sums, squares, update });
  }

  private constructor(options: ShardedUpdateOptions, parts: Parts) {
    const { group, parameters, buckets } = options;
    const { size } = parameters.weights;
    this.#options = options;
    this.#parts = parts;
    this.#chunk = normChunk(size);
    this.#slices = slicesOf(buckets, group, this.#chunk);
    this.#gradients = group.allocate(size);
    this.#weights = group.allocate(size);
    const longest = Math.max(...this.#slices.map((slices) => sumsLength(slices, this.#chunk)));
    this.#rows = group.allocate(group.size * longest);
    this.#allUnsound = new Float32Array(group.size);
  }

  schedule(step: number, learningRate: number): void {
    this.#parts.optimizer.schedule(step, learningRate);
  }

  async reduce(bucket: Piece, nodes: readonly Float32Array[]): Promise<void> {
    const { group, parameters, buckets, wire } = this.#options;
    const own = this.#own[buckets.indexOf(bucket)]!;
    const sum = within(this.#gradients, own);
    await group.reduceScatter(nodes, sum, { wire, grain: this.#chunk });
    if (own.size > 0) upload(this.#options, parameters.gradients, own, sum);
  }

  async apply(): Promise<Applied> {
    const waitedForNorm = await this.#gatherSums();
    const { device, group, parameters } = this.#options;
    const { optimizer, update } = this.#parts;
    const own = this.#own.filter(({ size }) => size > 0);
    const slices = own.map(({ start, size }) => device.view(parameters.weights, start, [size]));
    const [arrival] = device.stream([
      {
        work: [update, optimizer.norm, optimizer.unsound, ...slices],
        into: [this.#norm, this.#unsound, ...own.map((one) => within(this.#weights, one))],
      },
    ]);
    await arrival;
    const gathered = this.#gather(this.#weights, (bucket) =>
      upload(this.#options, parameters.weights, bucket, within(this.#weights, bucket)),
    );
    // Only who owns a slice knows what has become of it and of what is remembered, so that travels, too.
    const [waitedForWeights] = await Promise.all([gathered, group.allGather(this.#unsound, this.#allUnsound)]);
    const sound = this.#allUnsound.every((flag) => flag === 0);
    return { norm: this.#norm[0]!, sound, waitMs: waitedForNorm + waitedForWeights };
  }

  async readGradients(): Promise<Float32Array<ArrayBuffer>> {
    await this.#gather(this.#gradients);
    return this.#gradients.slice() as Float32Array<ArrayBuffer>;
  }

  async readState(): Promise<ReadonlyMap<string, Float32Array<ArrayBuffer>>> {
    const { state } = this.#parts.optimizer;
    const whole = new Map<string, Float32Array<ArrayBuffer>>();
    for (const [name, tensor] of Object.entries(state)) {
      const all = new Float32Array(this.#weights.length);
      const own = tensor.size > 0 ? await tensor.read() : new Float32Array(0);
      this.#eachOwn(({ start, size }, at) => all.set(own.subarray(at, at + size), start));
      await this.#gather(all);
      whole.set(name, all);
    }
    return whole;
  }

  writeState(whole: (name: string) => Float32Array): void {
    this.#parts.optimizer.unsound.write(Uint32Array.of(0));
    for (const [name, tensor] of Object.entries(this.#parts.optimizer.state)) {
      const [all, own] = [whole(name), new Float32Array(tensor.size)];
      this.#eachOwn((slice, at) => own.set(within(all, slice), at));
      if (tensor.size > 0) tensor.write(own);
    }
  }

  readonly #norm = new Float32Array(1);
  readonly #unsound = new Float32Array(1);

  get #own(): readonly Piece[] {
    return this.#slices[this.#options.group.rank]!;
  }

  /** Visits this worker's slices with their places in the optimizer's memory. */
  #eachOwn(visit: (slice: Piece, at: number) => void): void {
    let at = 0;
    for (const slice of this.#own) {
      visit(slice, at);
      at += slice.size;
    }
  }

  /** Brings the sums of squares of all chunks to every worker, and what follows from them to its device. */
  async #gatherSums(): Promise<number> {
    const { device, group, mixed, trace } = this.#options;
    const { squares, ownSums, sums, optimizer } = this.#parts;
    const row = sliceOf(this.#rows, group.rank, group.size);
    const [own] = await device.submit([squares, ownSums]);
    row.set(own!.subarray(0, row.length));
    const began = performance.now();
    await group.allGather(row, this.#rows);
    const end = performance.now();
    trace?.({ category: 'wait', name: 'norm', start: began, end });
    const all = this.#inOrder();
    sums.write(all);
    if (mixed) optimizer.norm.write(Float32Array.of(Math.sqrt(all.reduce((total, sum) => total + sum, 0))));
    return end - began;
  }

  /** The sums of all chunks in the order of chunks, from the rows of all ranks. */
  #inOrder(): Float32Array {
    const { group } = this.#options;
    const all = new Float32Array(this.#parts.sums.size);
    for (const [rank, slices] of this.#slices.entries()) {
      const row = sliceOf(this.#rows, rank, group.size);
      let at = 0;
      for (const { start, size } of slices) {
        const chunks = Math.ceil(size / this.#chunk);
        all.set(row.subarray(at, at + chunks), start / this.#chunk);
        at += aligned(chunks);
      }
    }
    return all;
  }

  /** Gives everybody every worker's slices of `data`. Returns the milliseconds that it took. */
  async #gather(data: Float32Array, then?: (bucket: Piece) => void): Promise<number> {
    const { group, buckets, trace } = this.#options;
    const began = performance.now();
    const gathered = buckets.map(async (bucket, i) => {
      await group.allGather(within(data, this.#own[i]!), within(data, bucket), { grain: this.#chunk });
      then?.(bucket);
    });
    await Promise.all(gathered);
    const end = performance.now();
    trace?.({ category: 'wait', name: 'weights', start: began, end });
    return end - began;
  }
}

const within = (data: Float32Array, { start, size }: Piece): Float32Array => data.subarray(start, start + size);

/** Elements that the sums of slices take, each slice's beginning where a tensor may be bound. */
function sumsLength(slices: readonly Piece[], chunk: number): number {
  return slices.reduce((length, { size }) => length + aligned(Math.ceil(size / chunk)), 0);
}

/** By rank, the slice of each bucket that it owns. */
function slicesOf(buckets: readonly Piece[], { size: ranks }: { size: number }, grain: number): Piece[][] {
  return Array.from({ length: ranks }, (_, rank) =>
    buckets.map(({ start, size }) => {
      const bounds = sliceBounds(size, { rank, size: ranks, grain });
      return { start: start + bounds.start, size: bounds.end - bounds.start };
    }),
  );
}
