// What a worker takes of its device.

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
