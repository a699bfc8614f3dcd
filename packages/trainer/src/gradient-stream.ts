// How gradients leave the device: in buckets, in the order in which backward finishes them, while it still runs. What is done
// with a bucket on the host is its receiver's business.
import type { Trace } from '@lockstep/collectives';
import type { Parameters } from '@lockstep/nn';
import type { Device, Piece, Stage } from '@lockstep/tensor';
import type { NodeGradient } from './node-gradient.ts';

export interface GradientStreamOptions {
  readonly device: Device;
  readonly parameters: Parameters;
  /** One for each of this worker's nodes of the tree. */
  readonly nodes: readonly NodeGradient[];
  readonly buckets: readonly Piece[];
  /** Gives memory for what is sent to other workers. */
  readonly allocate: (length: number) => Float32Array;
  readonly trace?: Trace | undefined;
}

/** Gets a bucket of all nodes' gradients, by its number, as soon as the host has it; then what travels beside the gradients. */
export type Receiver = (bucket: number | 'extras', nodes: readonly Float32Array[]) => Promise<void>;

export class GradientStream {
  /** The range of what travels beside the gradients, which comes last. */
  readonly extras: Piece;
  readonly #options: GradientStreamOptions;
  /** Host copies of the gradients of this worker's nodes, reused from step to step. */
  readonly #copies: readonly Float32Array[];
  readonly #stages: readonly Stage[];

  constructor(options: GradientStreamOptions) {
    const { parameters, nodes, allocate } = options;
    const { gradients, extras } = parameters;
    this.#options = options;
    this.extras = { start: gradients.size - extras.size, size: extras.size };
    this.#copies = nodes.map(() => allocate(gradients.size));
    this.#stages = this.#planStages();
  }

  /** A range of every node's host copy. */
  at({ start, size }: Piece): Float32Array[] {
    return this.#copies.map((node) => node.subarray(start, start + size));
  }

  /**
   * Runs all passes and gives each bucket, then the extras, to `receive`, which is called in the order of buckets and not waited
   * for in between. Resolves when every call has ended, with the time when the last bucket had come.
   */
  async run(receive: Receiver): Promise<number> {
    const { device, buckets } = this.#options;
    let began = performance.now();
    const received = device.stream(this.#stages).map(async (arrival, i) => {
      const { readyAt } = await arrival;
      this.#record(i, { began, readyAt });
      began = readyAt;
      const work = [receive(i, this.at(buckets[i]!))];
      if (i === buckets.length - 1) work.push(receive('extras', this.at(this.extras)));
      const now = performance.now();
      await Promise.all(work);
      return now;
    });
    return (await Promise.all(received)).at(-1)!;
  }

  /** One submit per bucket. A node is overwritten by the next, so all but the last go as a whole, with the first bucket. */
  #planStages(): Stage[] {
    const { device, nodes, parameters, buckets } = this.#options;
    const { gradients, extras } = parameters;
    const earlier = nodes.slice(0, -1);
    const parts = nodes.at(-1)!.cut(buckets);
    const target = this.#copies.at(-1)!;
    return buckets.map(({ start, size }, i) => {
      const isFirst = i === 0;
      const isLast = i === buckets.length - 1;
      const bucket = device.view(gradients, start, [size]);
      return {
        work: [
          ...(isFirst ? earlier.flatMap(({ gradient }) => [...gradient, gradients]) : []),
          ...parts[i]!,
          bucket,
          ...(isLast ? [extras] : []),
        ],
        into: [
          ...(isFirst ? this.#copies.slice(0, -1) : []),
          target.subarray(start, start + size),
          ...(isLast ? [target.subarray(this.extras.start)] : []),
        ],
      };
    });
  }

  #record(bucket: number, { began, readyAt }: { began: number; readyAt: number }): void {
    const { trace, buckets } = this.#options;
    if (!trace) return;
    const args = { bucket, bytes: 4 * buckets[bucket]!.size };
    trace({ category: 'compute', name: `bucket ${bucket}`, start: began, end: readyAt, args });
    trace({ category: 'read-back', name: `bucket ${bucket}`, start: readyAt, end: performance.now(), args });
  }
}
