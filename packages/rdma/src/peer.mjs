// What the thread knows of one other rank in one view: what it sent and nobody asked for yet, what is asked for and did
// not come yet, and whether it is gone.
// @ts-check

import { controlTag } from './messages.mjs';

/** @typedef {{ id: number, address: number, length: number }} Receive */
/** A message of UCX, or one that was kept, or what the sender offers: where in the sender's arena, and under which number. @typedef {{ message: number, length: number, from: number, offer: number, kept?: import('./early.mjs').Kept }} Message */
/** @typedef {{ id: number, group: number, tag: number, address: number, length: number, urgent: boolean }} Send */

/** @template T */
class Queues {
  /** @type {Map<number, T[]>} */
  #queues = new Map();

  /** @param {number} tag @param {T} item */
  push(tag, item) {
    const queue = this.#queues.get(tag);
    if (queue) queue.push(item);
    else this.#queues.set(tag, [item]);
  }

  /** @param {number} tag @returns {T | undefined} the oldest; a queue with nothing left is forgotten */
  shift(tag) {
    const queue = this.#queues.get(tag);
    const item = queue?.shift();
    if (queue?.length === 0) this.#queues.delete(tag);
    return item;
  }

  /** @returns {T[]} all of them, taken out */
  clear() {
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
  /** UCX writes here when the endpoint breaks. */
  failed = new BigUint64Array(1);
  /** @type {Set<Peer>} */
  peers = new Set();
  /** When this side connects though the other one has not, in ms; 0 while nobody needs the link. */
  dueAt = 0;
  /** What is to be sent when it is made. @type {Send[]} */
  sends = [];
  /** Answers to offers that are to be given when it is made. @type {(() => void)[]} */
  answers = [];
  /** Its worker's address. */
  address;

  /** @param {Uint8Array} address */
  constructor(address) {
    this.address = address;
  }

  /** @param {number} group @returns {Send[]} what was to be sent there, taken out */
  takeSends(group) {
    const taken = this.sends.filter((send) => send.group === group);
    this.sends = this.sends.filter((send) => send.group !== group);
    return taken;
  }
}

export class Peer {
  /** @type {Queues<Receive>} */
  receives = new Queues();
  /** @type {Queues<Message>} */
  early = new Queues();
  /** What is on its way into memory of this process. @type {Set<import('./early.mjs').Kept>} */
  coming = new Set();
  /** Why it is gone: a `reason` or a status of UCX; 0 while it is there. */
  gone = 0;
  /** Where its arena can be read, where that is another process of this host, else 0. */
  arena = 0;
  /** Known once this side knows the view. @type {Link | undefined} */
  link;
  /** What it is told first when this side connects: a `controlTag`. */
  greeting = controlTag.hello;
  /** Whether it has connected to this side. */
  hasGreeted = false;
  /** The group of the messages it sends. */
  group;
  /** The group of the messages it gets. */
  mine = 0;

  /** @param {number} group */
  constructor(group) {
    this.group = group;
  }
}

/** How long a worker waits for one of lower rank to connect before it does so itself. */
export const courtesyMs = 20;

/** Stands for the peer of requests that nobody waits for. */
export const nobody = new Peer(-1);
