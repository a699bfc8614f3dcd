// Owner-computes: each worker gets its slice of every bucket's sum, updates the weights of those slices and sends them to the
// rest. The optimizer's memory is divided by the number of workers. The norm of the gradient is made of sums over chunks of a
// fixed grid, and slices are made of whole chunks, so its bits are those of the replicated form.
import {
  Optimizer,
  type Segment,
  segmentLength,
  segmentsOf,
  type TensorMap,
  type UpdatePlan,
  unpackStates,
  type Rates,
} from '@lockstep/nn';
import { sliceOf } from '@lockstep/collectives';
import { chunkSquares, type Device, type Piece, type Program, type Tensor } from '@lockstep/tensor';
import { planSlices } from './buckets.ts';
import {
  type Applied,
  dispatchNorms,
  inPlaceOfWeights,
  type SharedUpdate,
  spareWeights,
  type UpdateOptions,
  upload,
} from './update.ts';

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
  /** Sums of squares over the chunks of this worker's segments; each segment's begin at a multiple of 64. */
  readonly ownSums: Tensor;
  /** The same of all chunks, at their slots. */
  readonly sums: Tensor;
  readonly squares: Program;
  readonly update: Program;
}

/** What is done with the reading of weights. */
interface OwnReading {
  readonly after?: readonly Program[];
  readonly others?: readonly (readonly [Tensor, Float32Array])[];
}

export class ShardedUpdate implements SharedUpdate {
  readonly kind = 'sharded';
  readonly #options: ShardedUpdateOptions;
  readonly #parts: Parts;
  /** By bucket, where the slices of all ranks begin in it, and its length. */
  readonly #bounds: readonly (readonly number[])[];
  /** By rank, what it owns. */
  readonly #segments: readonly (readonly Segment[])[];
  /** Host copies: of this worker's slices of the summed gradients, and of all weights. */
  readonly #gradients: Float32Array;
  readonly #weights: Float32Array;
  /** Sums of squares: a row of equal length from each rank. */
  readonly #rows: Float32Array;
  /** By rank, what is not 0 where its update is unsound. */
  readonly #allUnsound: Float32Array;
  readonly #spare: Tensor | undefined;

  /** Allocates the optimizer's memory of this worker's slices and records their update. @throws {ConfigError} @throws {DeviceError} */
  static async create(options: ShardedUpdateOptions): Promise<ShardedUpdate> {
    const { device, group, parameters, plan, buckets, mixed } = options;
    const ranges = ownedBy(buckets, boundsOf(options), group.rank).filter(({ size }) => size > 0);
    const optimizer = new Optimizer(options.optimizer, device, parameters, { ranges, plan });
    const ownSums = device.tensor(new Float32Array(Math.max(alignment, sumsLength(plan, optimizer.segments))));
    const sums = device.tensor(new Float32Array(plan.slots));
    const squares = await device.capture(() =>
      dispatchSquares(device, plan, optimizer.segments, { parameters, ownSums }),
    );
    const update = await device.capture(() => {
      if (!mixed) dispatchNorms(device, sums, optimizer);
      optimizer.dispatch();
    });
    return new ShardedUpdate(options, { optimizer, ownSums, sums, squares, update });
  }

  private constructor(options: ShardedUpdateOptions, parts: Parts) {
    const { group, parameters, plan, buckets } = options;
    const { size } = parameters.weights;
    this.#options = options;
    this.#parts = parts;
    this.#bounds = boundsOf(options);
    this.#segments = Array.from({ length: group.size }, (_, rank) =>
      segmentsOf(plan, ownedBy(buckets, this.#bounds, rank)),
    );
    this.#gradients = group.allocate(size);
    this.#weights = group.allocate(size);
    const longest = Math.max(1, ...this.#segments.map((segments) => sumsLength(plan, segments)));
    this.#rows = group.allocate(group.size * longest);
    this.#allUnsound = new Float32Array(group.size);
    this.#spare = spareWeights(options);
  }

  get bytes(): number {
    return this.#parts.optimizer.bytes;
  }

  schedule(step: number, rates: Rates): void {
    this.#parts.optimizer.schedule(step, rates);
  }

  async reduce(bucket: number, nodes: readonly Float32Array[]): Promise<void> {
    const { group, parameters, wire } = this.#options;
    const own = this.#ownOf(bucket);
    const sum = within(this.#gradients, own);
    await group.reduceScatter(nodes, sum, { wire, bounds: this.#bounds[bucket]! });
    if (own.size > 0) upload(this.#options, parameters.gradients, own, sum);
  }

  async apply(): Promise<Applied> {
    const waitedForNorm = await this.#gatherSums();
    const { group } = this.#options;
    const { optimizer, update } = this.#parts;
    const others = [
      [optimizer.norm, this.#norm],
      [optimizer.unsound, this.#unsound],
    ] as const;
    await this.#readOwn({ after: [update], others });
    // Only who owns a slice knows what has become of it and of what is remembered, so that travels, too.
    const [waitedForWeights] = await Promise.all([
      this.#shareWeights(),
      group.allGather(this.#unsound, this.#allUnsound),
    ]);
    const sound = this.#allUnsound.every((flag) => flag === 0);
    return { norm: this.#norm[0]!, sound, waitMs: waitedForNorm + waitedForWeights };
  }

  /** Reads this worker's slices of the weights, after programs that write them and with what else is to be read. */
  async #readOwn({ after = [], others = [] }: OwnReading = {}): Promise<void> {
    const { device, parameters, buckets } = this.#options;
    const own = buckets.map((_, i) => this.#ownOf(i)).filter(({ size }) => size > 0);
    const slices = own.map(({ start, size }) => device.view(parameters.weights, start, [size]));
    const work = [...after, ...others.map(([tensor]) => tensor), ...slices];
    const into = [...others.map(([, data]) => data), ...own.map((one) => within(this.#weights, one))];
    if (work.length > 0) await device.stream([{ work, into }])[0];
  }

  /** Gives everybody every worker's slices of the weights. Returns the milliseconds that it took. */
  #shareWeights(): Promise<number> {
    return this.#gather(this.#weights, (bucket) =>
      upload(this.#options, this.#options.parameters.weights, bucket, within(this.#weights, bucket)),
    );
  }

  begin(): void {
    this.#parts.optimizer.begin();
  }

  using<T>(work: () => Promise<T>): Promise<T> {
    const place = async (): Promise<void> => {
      this.#parts.optimizer.placeUsed();
      await this.#readOwn();
      await this.#shareWeights();
    };
    return inPlaceOfWeights(this.#options, this.#spare, { place, work });
  }

  async readGradients(): Promise<Float32Array<ArrayBuffer>> {
    await this.#gather(this.#gradients);
    return this.#gradients.slice() as Float32Array<ArrayBuffer>;
  }

  async readState(): Promise<Map<string, TensorMap>> {
    const { group, plan } = this.#options;
    const lengths = this.#segments.map((segments) =>
      segments.reduce((sum, segment) => sum + segmentLength(plan, segment), 0),
    );
    const longest = Math.max(1, ...lengths);
    const row = new Float32Array(longest);
    row.set(await this.#parts.optimizer.readOwn());
    const rows = new Float32Array(group.size * longest);
    await group.allGather(row, rows);
    const held = this.#segments.map((segments, rank) => ({ segments, own: sliceOf(rows, rank, group.size) }));
    return unpackStates(plan, held);
  }

  writeState(whole: ReadonlyMap<string, TensorMap>): void {
    this.#parts.optimizer.write(whole);
  }

  readonly #norm = new Float32Array(1);
  readonly #unsound = new Float32Array(1);

  /** This worker's slice of a bucket. */
  #ownOf(bucket: number): Piece {
    return sliceIn(this.#options.buckets[bucket]!, this.#bounds[bucket]!, this.#options.group.rank);
  }

  /** Brings the sums of squares of all chunks to every worker, and what follows from them to its device. */
  async #gatherSums(): Promise<number> {
    const { device, group, mixed, trace } = this.#options;
    const { squares, ownSums, sums } = this.#parts;
    const row = sliceOf(this.#rows, group.rank, group.size);
    const [own] = await device.submit([squares, ownSums]);
    row.set(own!.subarray(0, row.length));
    const began = performance.now();
    await group.allGather(row, this.#rows);
    const end = performance.now();
    trace?.({ category: 'wait', name: 'norm', start: began, end });
    const all = this.#atSlots();
    sums.write(all);
    if (mixed) this.#writeNorms(all);
    return end - began;
  }

  /** Where adapters may round square roots differently, the host takes them. */
  #writeNorms(sums: Float32Array): void {
    const { optimizer } = this.#parts;
    const rootOf = (part: Float32Array): Float32Array<ArrayBuffer> =>
      Float32Array.of(Math.sqrt(part.reduce((total, sum) => total + sum, 0)));
    optimizer.norm.write(rootOf(sums));
    for (const [group, { start, size }] of this.#options.plan.groupSlots.entries())
      optimizer.norms[group]!.write(rootOf(sums.subarray(start, start + size)));
  }

  /** The sums of all chunks at their slots, from the rows of all ranks. */
  #atSlots(): Float32Array {
    const { group, plan } = this.#options;
    const all = new Float32Array(plan.slots);
    for (const [rank, segments] of this.#segments.entries()) {
      const row = sliceOf(this.#rows, rank, group.size);
      for (const { at, chunks } of placesOf(plan, segments))
        all.set(row.subarray(at, at + chunks.length), chunks[0]!.slot);
    }
    return all;
  }

  /** Gives everybody every worker's slices of `data`. Returns the milliseconds that it took. */
  async #gather(data: Float32Array, then?: (bucket: Piece) => void): Promise<number> {
    const { group, buckets, trace } = this.#options;
    const began = performance.now();
    const gathered = buckets.map(async (bucket, i) => {
      await group.allGather(within(data, this.#ownOf(i)), within(data, bucket), { bounds: this.#bounds[i]! });
      then?.(bucket);
    });
    await Promise.all(gathered);
    const end = performance.now();
    trace?.({ category: 'wait', name: 'weights', start: began, end });
    return end - began;
  }
}

const within = (data: Float32Array, { start, size }: Piece): Float32Array => data.subarray(start, start + size);

function boundsOf({ buckets, plan, group }: UpdateOptions): number[][] {
  return planSlices(buckets, plan, group.size);
}

const sliceIn = ({ start }: Piece, bounds: readonly number[], rank: number): Piece => ({
  start: start + bounds[rank]!,
  size: bounds[rank + 1]! - bounds[rank]!,
});

/** The slices of all buckets that a rank owns. */
function ownedBy(buckets: readonly Piece[], bounds: readonly (readonly number[])[], rank: number): Piece[] {
  return buckets.map((bucket, i) => sliceIn(bucket, bounds[i]!, rank));
}

/** The chunks of segments, and where their sums are in a row: those of each segment from a multiple of 64 on. */
function placesOf(
  { chunks }: UpdatePlan,
  segments: readonly Segment[],
): { readonly segment: Segment; readonly at: number; readonly chunks: UpdatePlan['chunks'] }[] {
  let at = 0;
  return segments.map((segment) => {
    const { start, size } = segment;
    const own = chunks.filter((chunk) => chunk.start >= start && chunk.start < start + size);
    const place = { segment, at, chunks: own };
    at += aligned(own.length);
    return place;
  });
}

/** Elements that the sums of segments take. */
function sumsLength(plan: UpdatePlan, segments: readonly Segment[]): number {
  const last = placesOf(plan, segments).at(-1);
  return last ? last.at + aligned(last.chunks.length) : 0;
}

function dispatchSquares(
  device: Device,
  plan: UpdatePlan,
  segments: readonly Segment[],
  { parameters, ownSums }: Pick<UpdateOptions, 'parameters'> & { readonly ownSums: Tensor },
): void {
  for (const { segment, at, chunks } of placesOf(plan, segments)) {
    const x = device.view(parameters.gradients, segment.start, [segment.size]);
    chunkSquares(device, x, device.view(ownSums, at, [chunks.length]), { chunk: chunkSize(plan, chunks) });
  }
}

/** The size of all chunks but the last of a region. */
function chunkSize({ chunks }: UpdatePlan, own: UpdatePlan['chunks']): number {
  return chunks.find(({ region }) => region === own[0]!.region)!.size;
}
