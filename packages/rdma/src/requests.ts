// What UCX has begun and not ended. What an end means is not known here.

import type { Kept } from './early.ts';
import { ucs } from './libucp.ts';
import type { Link, Peer } from './peer.ts';
import type { UcxWorker } from './ucx-worker.ts';

/** One operation. */
export interface Active {
  /** The call that it settles; 0: none. */
  readonly id: number;
  /** UCX's. */
  readonly request: number;
  readonly peer: Peer;
  /** Whether the main thread is to be woken for it. */
  readonly urgent: boolean;
  /** Whether its call is settled already. */
  settled: boolean;
  /** The early message that it brings. */
  readonly kept?: Kept;
  /** The link that is made when it ends. */
  readonly link?: Link | undefined;
}

export class Requests {
  readonly #ucx: UcxWorker;
  readonly #active: Active[] = [];

  constructor(ucx: UcxWorker) {
    this.#ucx = ucx;
  }

  get isEmpty(): boolean {
    return this.#active.length === 0;
  }

  /** @param active whose request is one, not a status */
  add(active: Active): void {
    if (active.link) active.link.isConnecting = true;
    this.#active.push(active);
  }

  /** Takes out what has ended. @returns whether any has */
  settle(finish: (active: Active, status: number) => void): boolean {
    let any = false;
    for (let i = this.#active.length - 1; i >= 0; i--) {
      const active = this.#active[i];
      if (active === undefined) continue;
      const status = this.#ucx.test(active.request);
      if (status === ucs.inProgress) continue;
      any = true;
      if (active.link) active.link.isConnecting = false;
      const last = this.#active.pop();
      if (last && last !== active) this.#active[i] = last;
      finish(active, status);
    }
    return any;
  }

  /** Marks those of a peer as settled. @returns the calls that now are */
  abandon(peer: Peer): number[] {
    const open = this.#active.filter((active) => active.peer === peer && !active.settled);
    for (const active of open) active.settled = true;
    return open.map(({ id }) => id).filter((id) => id !== 0);
  }
}
