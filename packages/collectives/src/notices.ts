// What the ranks of a group tell each other beside their calls, and how one of them leaves without taking anything from
// the others: it says farewell, which arrives after all that it sent before, and stays until every other rank has heard
// it, is itself done, or is gone.

import { decodeNotice, encodeNotice, type Notice, noticeBytes, noticeTag } from './notice.ts';
import type { Transport } from './transport.ts';

export class Notices {
  readonly #transport: Transport;
  readonly #onFailure: (error: Error) => void;
  /** Who may still need something. */
  readonly #present = new Set<number>();
  /** Whose answer this rank waits for before it leaves. */
  readonly #awaited = new Set<number>();
  #isLeaving = false;
  #answered: () => void = () => {};

  /** `onFailure` hears that the group of another rank has failed, or that a rank is gone which has not said farewell. */
  constructor(transport: Transport, onFailure: (error: Error) => void) {
    this.#transport = transport;
    this.#onFailure = onFailure;
    for (let peer = 0; peer < transport.size; peer++) if (peer !== transport.rank) this.#present.add(peer);
    for (const peer of this.#present) void this.#listen(peer);
  }

  /** Tells all others that this rank's group has failed. */
  fail(error: Error): void {
    for (const peer of this.#present) this.#tell(peer, { kind: 'failed', error });
  }

  /** Resolves when the transport can be closed without a loss for anybody, or after so many milliseconds. */
  async leave(timeoutMs: number): Promise<void> {
    this.#isLeaving = true;
    for (const peer of this.#present) {
      this.#awaited.add(peer);
      this.#tell(peer, { kind: 'farewell' });
    }
    if (this.#awaited.size === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      this.#answered = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #tell(peer: number, notice: Notice): void {
    // Who takes no notice is gone, of which #listen hears as well.
    this.#transport.send(peer, noticeTag, encodeNotice(notice)).catch(() => {});
  }

  /** Hears a peer until it leaves or is gone. */
  async #listen(peer: number): Promise<void> {
    try {
      while (this.#present.has(peer)) await this.#hear(peer);
    } catch (error) {
      this.#onFailure(error as Error);
      this.#lose(peer);
    }
  }

  async #hear(peer: number): Promise<void> {
    const bytes = new Uint8Array(noticeBytes);
    await this.#transport.recv(peer, noticeTag, bytes);
    const notice = decodeNotice(bytes);
    if (notice.kind === 'failed') return this.#onFailure(notice.error);
    if (notice.kind === 'heard') return this.#settle(peer);
    // Who leaves itself has said so, which is as good: neither needs anything of the other.
    if (!this.#isLeaving) this.#tell(peer, { kind: 'heard' });
    this.#lose(peer);
  }

  #lose(peer: number): void {
    this.#present.delete(peer);
    this.#settle(peer);
  }

  #settle(peer: number): void {
    if (this.#awaited.delete(peer) && this.#awaited.size === 0) this.#answered();
  }
}
