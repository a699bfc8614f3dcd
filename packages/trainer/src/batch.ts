// The shapes that follow from a run's batch: how many rows a shard has, and where positions begin.

/** Sizes of a global batch and its shards. */
export interface BatchShape {
  /** Sequences in the global batch. */
  readonly batch: number;
  /** Tokens in a sequence. */
  readonly context: number;
  /** Parts into which the batch is cut: a power of two. */
  readonly shards: number;
}

/** Sequences in one shard. */
export function sequencesPerShard({ batch, shards }: BatchShape): number {
  return batch / shards;
}

/** Tokens in the global batch. */
export function tokensPerStep({ batch, context }: BatchShape): number {
  return batch * context;
}

/** The place of each token in its sequence. */
export function positionsOf(sequences: number, context: number): Uint32Array<ArrayBuffer> {
  return Uint32Array.from({ length: sequences * context }, (_, i) => i % context);
}
