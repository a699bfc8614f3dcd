// Where the token ids of a text lie: anything that gives a run of them. In memory here, in a file in `node/data/token-file.ts`.

/** Random access to a text's token ids. */
export interface TokenStore {
  readonly length: number;
  /** A copy of the ids from `start` to `start + count`, which lie within the store. */
  read(start: number, count: number): Uint32Array<ArrayBuffer>;
  /** Gives back what the store holds open. */
  close(): void;
}

/** A store in memory. */
export function memoryStore(ids: Uint32Array): TokenStore {
  return {
    length: ids.length,
    read: (start, count) => Uint32Array.from(ids.subarray(start, start + count)),
    close: () => {},
  };
}
