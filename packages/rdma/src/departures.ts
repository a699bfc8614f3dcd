// Leaving views: farewells go out after all that was sent before them, and whoever said them stays until they are heard,
// for a moment.

import { ucs } from './libucp.ts';
import type { Peer } from './peer.ts';
import type { UcxWorker } from './ucx-worker.ts';

interface Departure {
  /** Gives the peers of the view that is left. */
  readonly peers: () => Peer[];
  /** Who has no farewell yet. */
  unsaid: Peer[];
  /** Requests that end when farewells are sent. */
  flushes: number[];
  deadline: number;
  saidAt?: number;
  readonly ended: () => void;
}

/** Returns whether it is said, or cannot be. */
type SayFarewell = (peer: Peer, flushes: number[]) => boolean;

/** How long a farewell may take: a peer that does not read holds nobody up for longer. */
export const farewellMs = 500;

/**
 * How long who has said farewell stays for those who have not: one of them may just be answering to a connection,
 * which UCX 1.13 does not survive over TCP when the connection ends meanwhile.
 */
const lingerMs = 50;

export class Departures {
  readonly #ucx: UcxWorker;
  readonly #sayFarewell: SayFarewell;
  #underWay: Departure[] = [];

  constructor(ucx: UcxWorker, sayFarewell: SayFarewell) {
    this.#ucx = ucx;
    this.#sayFarewell = sayFarewell;
  }

  get isEmpty(): boolean {
    return this.#underWay.length === 0;
  }

  /** @param ended is called when all farewells are sent, or cannot be */
  begin(peers: () => Peer[], ended: () => void): void {
    const deadline = performance.now() + farewellMs;
    this.#underWay.push({ peers, unsaid: peers(), flushes: [], deadline, ended });
  }

  /** @returns whether one has ended */
  goOn(): boolean {
    const before = this.#underWay.length;
    this.#underWay = this.#underWay.filter((departure) => !this.#hasEnded(departure));
    return this.#underWay.length < before;
  }

  #hasEnded(departure: Departure): boolean {
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
