// What the thread knows of one other rank in one view: what it sent and nobody asked for yet, what is asked for and did
// not come yet, and whether it is gone.

import type { Kept } from './early.ts';
import { controlTag } from './messages.ts';

/** What is asked for: which call, and where it goes. */
export interface Receive {
  readonly id: number;
  readonly address: number;
  readonly length: number;
}

/** The same, and whose message it is, under which tag. */
export interface Wanted extends Receive {
  readonly group: number;
  readonly tag: number;
}

/** A message of UCX, or one that was kept, or what the sender offers: where in the sender's arena, and under which number. */
export interface Message {
  readonly message: number;
  readonly length: number;
  readonly from: number;
  readonly offer: number;
  readonly kept?: Kept;
}

/** What is to be sent to a group. */
export interface Send extends Wanted {
  /** Whether the main thread is to be woken when it is. */
  readonly urgent: boolean;
}

class Queues<T> {
  readonly #queues = new Map<number, T[]>();

  push(tag: number, item: T): void {
    const queue = this.#queues.get(tag);
    if (queue) queue.push(item);
    else this.#queues.set(tag, [item]);
  }

  /** @returns the oldest; a queue with nothing left is forgotten */
  shift(tag: number): T | undefined {
    const queue = this.#queues.get(tag);
    const item = queue?.shift();
    if (queue?.length === 0) this.#queues.delete(tag);
    return item;
  }

  /** @returns all of them, taken out */
  clear(): T[] {
    const items = [...this.#queues.values()].flat();
    this.#queues.clear();
    return items;
  }
}

/**
 * The way to a worker, which all views share: UCX pairs the endpoints of two workers in the order they were made, so
 * that one of a view that is left could be the other end of one that is in use.
 */
export class Link {
  /** 0 before it is made, and when it is broken. */
  endpoint = 0;
  /**
   * Whether the endpoint has not carried its first message yet. UCX 1.13 may end the process that closes one over RDMA
   * then.
   */
  isConnecting = false;
  /** UCX writes here when the endpoint breaks. */
  readonly failed: BigUint64Array = new BigUint64Array(1);
  readonly peers: Set<Peer> = new Set<Peer>();
  /** When this side connects though the other one has not, in ms; 0 while nobody needs the link. */
  dueAt = 0;
  /** What is to be sent when it is made. */
  sends: Send[] = [];
  /** Answers to offers that are to be given when it is made. */
  readonly answers: (() => void)[] = [];
  /** Its worker's address. */
  readonly address: Uint8Array;

  constructor(address: Uint8Array) {
    this.address = address;
  }

  /** @returns what was to be sent there, taken out */
  takeSends(group: number): Send[] {
    const taken = this.sends.filter((send) => send.group === group);
    this.sends = this.sends.filter((send) => send.group !== group);
    return taken;
  }
}

export class Peer {
  readonly receives: Queues<Receive> = new Queues();
  readonly early: Queues<Message> = new Queues();
  /** What is on its way into memory of this process. */
  readonly coming: Set<Kept> = new Set<Kept>();
  /** Why it is gone: a `reason` or a status of UCX; 0 while it is there. */
  gone = 0;
  /** Where its arena can be read, where that is another process of this host, else 0. */
  arena = 0;
  /** Known once this side knows the view. */
  link: Link | undefined;
  /** What it is told first when this side connects: a `controlTag`. */
  greeting: number = controlTag.hello;
  /** Whether it has connected to this side. */
  hasGreeted = false;
  /** The group of the messages it sends. */
  readonly group: number;
  /** The group of the messages it gets. */
  mine = 0;

  constructor(group: number) {
    this.group = group;
  }
}

/** How long a worker waits for one of lower rank to connect before it does so itself. */
export const courtesyMs = 20;

/** Stands for the peer of requests that nobody waits for. */
export const nobody: Peer = new Peer(-1);
