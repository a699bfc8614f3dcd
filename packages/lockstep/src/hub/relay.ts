// Passes frames from one connection to another, and bounds what waits for a slow reader: whoever sends to it is not
// read from until it has caught up. Which frames may pass is the hub's business.

import { type Connection, encodeHeader, type RankFrame } from '@lockstep/collectives';

export interface RelayOptions {
  /** Bytes that may wait for one reader. What a sender had under way when it is paused may go over. */
  readonly maxBufferedBytes?: number;
}

export const relayBytes = ({ maxBufferedBytes = 4 * 2 ** 20 }: RelayOptions): number => maxBufferedBytes;

export class Relay {
  readonly #maxBufferedBytes: number;
  /** The senders that wait, by reader. */
  readonly #waiting = new Map<Connection, Set<Connection>>();

  constructor(options: RelayOptions = {}) {
    this.#maxBufferedBytes = relayBytes(options);
  }

  forward(frame: RankFrame, { from, to }: { from: Connection; to: Connection }): void {
    to.forward([encodeHeader(frame.kind, frame.length, frame), ...frame.parts], () => this.#drained(to));
    if (to.socket.bufferedAmount <= this.#maxBufferedBytes) return;
    const senders = this.#waiting.get(to) ?? new Set();
    this.#waiting.set(to, senders.add(from));
    from.socket.pause?.();
  }

  /** Lets those go on who wait for `reader`: it has caught up, or is gone. */
  release(reader: Connection): void {
    const senders = this.#waiting.get(reader) ?? new Set();
    this.#waiting.delete(reader);
    const stillWaiting = new Set([...this.#waiting.values()].flatMap((set) => [...set]));
    for (const sender of senders) if (!stillWaiting.has(sender)) sender.socket.resume?.();
  }

  #drained(reader: Connection): void {
    if (this.#waiting.has(reader) && reader.socket.bufferedAmount <= this.#maxBufferedBytes / 2) this.release(reader);
  }
}
