// Leaving views: farewells go out after all that was sent before them, and whoever said them stays until they are heard,
// for a moment.
// @ts-check

import { ucs } from './libucp.mjs';

/** @typedef {import('./peer.mjs').Peer} Peer */
/**
 * @typedef {object} Departure
 * @property {() => Peer[]} peers of the view that is left
 * @property {Peer[]} unsaid who has no farewell yet
 * @property {number[]} flushes requests that end when farewells are sent
 * @property {number} deadline
 * @property {number} [saidAt]
 * @property {() => void} ended
 */

/** How long a farewell may take: a peer that does not read holds nobody up for longer. */
export const farewellMs = 500;

/**
 * How long who has said farewell stays for those who have not: one of them may just be answering to a connection, which
 * UCX 1.13 does not survive over TCP when the connection ends meanwhile.
 */
const lingerMs = 50;

export class Departures {
  #ucx;
  #sayFarewell;
  /** @type {Departure[]} */
  #underWay = [];

  /**
   * @param {import('./ucx-worker.mjs').UcxWorker} ucx
   * @param {(peer: Peer, flushes: number[]) => boolean} sayFarewell whether it is said, or cannot be
   */
  constructor(ucx, sayFarewell) {
    this.#ucx = ucx;
    this.#sayFarewell = sayFarewell;
  }

  get isEmpty() {
    return this.#underWay.length === 0;
  }

  /** @param {() => Peer[]} peers @param {() => void} ended is called when all farewells are sent, or cannot be */
  begin(peers, ended) {
    const deadline = performance.now() + farewellMs;
    this.#underWay.push({ peers, unsaid: peers(), flushes: [], deadline, ended });
  }

  /** @returns {boolean} whether one has ended */
  goOn() {
    const before = this.#underWay.length;
    this.#underWay = this.#underWay.filter((departure) => !this.#hasEnded(departure));
    return this.#underWay.length < before;
  }

  /** @param {Departure} departure */
  #hasEnded(departure) {
    departure.unsaid = departure.unsaid.filter((peer) => !this.#sayFarewell(peer, departure.flushes));
    departure.flushes = departure.flushes.filter((flush) => this.#ucx.test(flush) === ucs.inProgress);
    const now = performance.now();
    const isSaid = departure.unsaid.length + departure.flushes.length === 0;
    if (isSaid) departure.deadline = Math.min(departure.deadline, (departure.saidAt ??= now) + lingerMs);
    const isHeard = isSaid && departure.peers().every(({ gone }) => gone !== 0);
    if (!isHeard && now < departure.deadline) return false;
    departure.ended();
    return true;
  }
}
