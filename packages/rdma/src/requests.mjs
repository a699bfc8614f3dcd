// What UCX has begun and not ended. What an end means is not known here.
// @ts-check

import { ucs } from './libucp.mjs';

/**
 * One operation: which call it settles (0: none), UCX's request, the peer it has to do with, whether the main thread is to
 * be woken for it, whether its call is settled already, and the early message that it brings.
 *
 * @typedef {{ id: number, request: number, peer: import('./peer.mjs').Peer, urgent: boolean, settled: boolean, kept?: import('./early.mjs').Kept }} Active
 */

export class Requests {
  #ucx;
  /** @type {Active[]} */
  #active = [];

  /** @param {import('./ucx-worker.mjs').UcxWorker} ucx */
  constructor(ucx) {
    this.#ucx = ucx;
  }

  get isEmpty() {
    return this.#active.length === 0;
  }

  /** @param {Active} active whose request is one, not a status */
  add(active) {
    this.#active.push(active);
  }

  /** Takes out what has ended. @param {(active: Active, status: number) => void} finish @returns {boolean} whether any has */
  settle(finish) {
    let any = false;
    for (let i = this.#active.length - 1; i >= 0; i--) {
      const active = this.#active[i];
      if (active === undefined) continue;
      const status = this.#ucx.test(active.request);
      if (status === ucs.inProgress) continue;
      any = true;
      const last = this.#active.pop();
      if (last && last !== active) this.#active[i] = last;
      finish(active, status);
    }
    return any;
  }

  /** Marks those of a peer as settled. @param {import('./peer.mjs').Peer} peer @returns {number[]} the calls that now are */
  abandon(peer) {
    const open = this.#active.filter((active) => active.peer === peer && !active.settled);
    for (const active of open) active.settled = true;
    return open.map(({ id }) => id).filter((id) => id !== 0);
  }
}
