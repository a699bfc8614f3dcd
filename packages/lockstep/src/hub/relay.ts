// Passes frames from one connection to another, and bounds what waits for a slow reader: whoever sends to it is not
// read from until it has caught up. Which frames may pass is the hub's business.

import type { WebSocket } from 'ws';

export interface RelayOptions {
  /** Bytes that may wait for one reader. What a sender had under way when it is paused may go over. */
  readonly maxBufferedBytes?: number;
}

export class Relay {
  readonly #maxBufferedBytes: number;
  /** The senders that wait, by reader. */
  readonly #waiting = new Map<WebSocket, Set<WebSocket>>();

  constructor({ maxBufferedBytes = 4 * 2 ** 20 }: RelayOptions = {}) {
    this.#maxBufferedBytes = maxBufferedBytes;
  }

  forward(frame: Uint8Array, { from, to }: { from: WebSocket; to: WebSocket }): void {
    to.send(frame, () => this.#drained(to));
    if (to.bufferedAmount <= this.#maxBufferedBytes) return;
    const senders = this.#waiting.get(to) ?? new Set();
    this.#waiting.set(to, senders.add(from));
    from.pause();
  }

  /** Lets those go on who wait for `reader`: it has caught up, or is gone. */
  release(reader: WebSocket): void {
    const senders = this.#waiting.get(reader) ?? new Set();
    this.#waiting.delete(reader);
    const stillWaiting = new Set([...this.#waiting.values()].flatMap((set) => [...set]));
    for (const sender of senders) if (!stillWaiting.has(sender)) sender.resume();
  }

  #drained(reader: WebSocket): void {
    if (this.#waiting.has(reader) && reader.bufferedAmount <= this.#maxBufferedBytes / 2) this.release(reader);
  }
}
