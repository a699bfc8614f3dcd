// Messages that came before anybody asked for them, brought into memory of this process. UCX leaves them in shared memory,
// of which a container may have little, and stands still when there is no more.

import koffi from 'koffi';
import { copyMemory } from './libc.ts';
import { report, type Tell } from './messages.ts';
import type { Peer, Receive } from './peer.ts';
import type { Active } from './requests.ts';
import type { UcxWorker } from './ucx-worker.ts';

/** What it is part of. */
interface EarlyOptions {
  readonly ucx: UcxWorker;
  readonly tell: Tell;
  readonly watch: (active: Active) => void;
}

/** Longer ones wait at their sender, or are read out of its memory. */
export const keptBytes: number = 128 * 1024;

/** One of them. */
export class Kept {
  readonly length: number;
  readonly address: number;
  /** Whether all of it has come. */
  isWhole = false;
  /** Who asked for it before that. */
  receive: Receive | undefined;
  readonly #bytes: Uint8Array;

  constructor(length: number) {
    this.length = length;
    // As a buffer of its own, for a small array by itself would move when garbage is collected.
    this.#bytes = new Uint8Array(new ArrayBuffer(length));
    this.address = length === 0 ? 0 : Number(koffi.address(this.#bytes));
  }

  /** @param address where all of it goes */
  copyTo(address: number): void {
    if (this.#bytes.length > 0) copyMemory(address, this.address, this.length);
  }
}

export class Early {
  readonly #ucx: UcxWorker;
  readonly #tell: Tell;
  readonly #watch: (active: Active) => void;

  constructor({ ucx, tell, watch }: EarlyOptions) {
    this.#ucx = ucx;
    this.#tell = tell;
    this.#watch = watch;
  }

  /** @param message from `probe` */
  keep(peer: Peer, tag: number, message: number, length: number): void {
    const kept = new Kept(length);
    peer.early.push(tag, { message: 0, length, from: 0, offer: 0, kept });
    peer.coming.add(kept);
    const request = this.#ucx.recv(message, kept.address, length);
    this.#watch({ id: 0, request, peer, urgent: false, settled: false, kept });
  }

  /** All of it has come. */
  have(peer: Peer, kept: Kept): void {
    kept.isWhole = peer.coming.delete(kept);
    if (kept.isWhole && kept.receive) this.#hand(kept, kept.receive);
  }

  /** It is asked for. */
  give(peer: Peer, receive: Receive, kept: Kept): void {
    if (kept.isWhole) return this.#hand(kept, receive);
    if (peer.gone !== 0) return this.#tell([report.lost, receive.id, peer.gone], true);
    kept.receive = receive;
  }

  /** Settles what has not come whole from a peer that is gone. */
  drop(peer: Peer): void {
    for (const { receive } of peer.coming) if (receive) this.#tell([report.lost, receive.id, peer.gone], true);
    peer.coming.clear();
  }

  #hand(kept: Kept, { id, address }: Receive): void {
    kept.copyTo(address);
    this.#tell([report.done, id, 0], true);
  }
}
