// Messages that came before anybody asked for them, brought into memory of this process. UCX leaves them in shared memory,
// of which a container may have little, and stands still when there is no more.
// @ts-check

import koffi from 'koffi';
import { copyMemory } from './libc.mjs';
import { report } from './messages.mjs';

/** @typedef {import('./peer.mjs').Peer} Peer */
/** @typedef {import('./peer.mjs').Receive} Receive */

/** Longer ones wait at their sender, or are read out of its memory. */
export const keptBytes = 128 * 1024;

/** One of them. */
export class Kept {
  length;
  address;
  /** Whether all of it has come. */
  isWhole = false;
  /** Who asked for it before that. @type {Receive | undefined} */
  receive;
  #bytes;

  /** @param {number} length */
  constructor(length) {
    this.length = length;
    // As a buffer of its own, for a small array by itself would move when garbage is collected.
    this.#bytes = new Uint8Array(new ArrayBuffer(length));
    this.address = length === 0 ? 0 : Number(koffi.address(this.#bytes));
  }

  /** @param {number} address where all of it goes */
  copyTo(address) {
    if (this.#bytes.length > 0) copyMemory(address, this.address, this.length);
  }
}

export class Early {
  #ucx;
  #tell;
  #watch;

  /**
   * @param {object} exchange what it is part of
   * @param {import('./ucx-worker.mjs').UcxWorker} exchange.ucx
   * @param {(entry: readonly number[], urgent: boolean) => void} exchange.tell
   * @param {(active: import('./exchange.mjs').Active) => void} exchange.watch
   */
  constructor({ ucx, tell, watch }) {
    this.#ucx = ucx;
    this.#tell = tell;
    this.#watch = watch;
  }

  /** @param {Peer} peer @param {number} tag @param {number} message from `probe` @param {number} length */
  keep(peer, tag, message, length) {
    const kept = new Kept(length);
    peer.early.push(tag, { message: 0, length, from: 0, offer: 0, kept });
    peer.coming.add(kept);
    const request = this.#ucx.recv(message, kept.address, length);
    this.#watch({ id: 0, request, peer, urgent: false, settled: false, kept });
  }

  /** All of it has come. @param {Peer} peer @param {Kept} kept */
  have(peer, kept) {
    kept.isWhole = peer.coming.delete(kept);
    if (kept.isWhole && kept.receive) this.#hand(kept, kept.receive);
  }

  /** It is asked for. @param {Peer} peer @param {Receive} receive @param {Kept} kept */
  give(peer, receive, kept) {
    if (kept.isWhole) return this.#hand(kept, receive);
    if (peer.gone !== 0) return this.#tell([report.lost, receive.id, peer.gone], true);
    kept.receive = receive;
  }

  /** Settles what has not come whole from a peer that is gone. @param {Peer} peer */
  drop(peer) {
    for (const { receive } of peer.coming) if (receive) this.#tell([report.lost, receive.id, peer.gone], true);
    peer.coming.clear();
  }

  /** @param {Kept} kept @param {Receive} receive */
  #hand(kept, { id, address }) {
    kept.copyTo(address);
    this.#tell([report.done, id, 0], true);
  }
}
