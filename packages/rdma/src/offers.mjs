// Large messages between processes of one host: the sender offers, the receiver reads them out of the sender's arena, which
// it has mapped. That is one copy in all, made by whoever waits for it; through UCX it would be two, both sides at once.
// What is not in the arena goes through UCX.
// @ts-check

import { arena } from '@lockstep/collectives/offload';
import koffi from 'koffi';
import { copyMemory } from './libc.mjs';
import { controlOf, offerOf, report } from './messages.mjs';

/** @typedef {import('./peer.mjs').Peer} Peer */
/** @typedef {import('./peer.mjs').Receive} Receive */
/** @typedef {import('./peer.mjs').Message} Message */
/** @typedef {import('./peer.mjs').Send} Send */
/** @typedef {{ peer: Peer, id: number, offer: number }} Taken */

/** From here on an offer, its answer and one copy take less than a message through UCX. */
const leastBytes = 128 * 1024;

/** How often UCX is asked for a message that is here. */
const patience = 10_000;

/** The most an arena can grow to; all of it is mapped. */
const arenaBytes = 2 ** 32;

/** Whether so many bytes from there on lie in an arena, as far as anybody may say who sends numbers. @param {number} from @param {number} length */
export function isWithinArena(from, length) {
  const isWhole = Number.isSafeInteger(from) && Number.isSafeInteger(length);
  return isWhole && from >= 0 && length >= 0 && from + length <= arenaBytes;
}

export class Offers {
  #ucx;
  #tell;
  #answer;
  /** Nobody has answered yet, by id. @type {Map<number, { peer: Peer, send: Send, note: Note }>} */
  #open = new Map();
  #lastId = 0;
  /** What was read, and may have been something else by then. @type {Taken[]} */
  #taken = [];
  /** Where what arrives is read. */
  #arrived = new Note();
  /** Where this process's arena begins; it does not move. */
  #base = Number(koffi.address(new Uint8Array(arena().memory.buffer)));

  /**
   * @param {object} exchange what it is part of
   * @param {import('./ucx-worker.mjs').UcxWorker} exchange.ucx
   * @param {(entry: readonly number[], urgent: boolean) => void} exchange.tell
   * @param {(peer: Peer, tag: number) => void} exchange.answer
   */
  constructor({ ucx, tell, answer }) {
    this.#ucx = ucx;
    this.#tell = tell;
    this.#answer = answer;
  }

  /** @param {Peer} peer @param {Send} send */
  suits(peer, { address, length }) {
    return peer.arena !== 0 && length >= leastBytes && isWithinArena(address - this.#base, length);
  }

  /** @param {Peer} peer @param {number} endpoint @param {Send} send @returns {number} as `UcxWorker.send` */
  make(peer, endpoint, send) {
    this.#lastId = (this.#lastId + 1) % 2 ** 32;
    const note = new Note();
    note.words.set([send.address - this.#base, send.length, this.#lastId]);
    this.#open.set(this.#lastId, { peer, send, note });
    return this.#ucx.send(endpoint, offerOf(peer.mine), send.tag, note.address, note.words.byteLength);
  }

  /**
   * @param {Peer} peer whose offer it may be
   * @param {number} message from `probe` @param {number} length
   * @returns {Message | undefined} nothing for what is no offer
   */
  read(peer, message, length) {
    const { words, address } = this.#arrived;
    const isOffer = length === words.byteLength && peer.arena !== 0;
    let request = this.#ucx.recv(message, address, isOffer ? length : 0);
    // All of so small a message is here, though UCX may want to be asked.
    for (let i = 0; request > 0 && this.#ucx.isUnderWay(request) && i < patience; i++) this.#ucx.progress();
    if (request > 0) request = this.#ucx.test(request);
    const [from = 0, size = 0, offer = 0] = words;
    const isSound = isOffer && request === 0 && isWithinArena(from, size) && offer >= 0 && offer < 2 ** 32;
    return isSound ? { message: 0, length: size, from, offer } : undefined;
  }

  /** @param {Peer} peer @param {Receive} receive @param {Message} message whose offer it is, and of the same length */
  take(peer, receive, { from, offer }) {
    if (peer.gone !== 0) return this.#tell([report.lost, receive.id, peer.gone], true);
    copyMemory(receive.address, peer.arena + from, receive.length);
    this.#taken.push({ peer, id: receive.id, offer });
  }

  get hasTaken() {
    return this.#taken.length > 0;
  }

  /** @returns {Taken[]} what has been read since the last time */
  taken() {
    return this.#taken.splice(0);
  }

  /** Those who are still there had not got their memory back when it was read. @param {readonly Taken[]} taken */
  confirm(taken) {
    for (const { peer, id, offer } of taken) {
      if (peer.gone !== 0) this.#tell([report.lost, id, peer.gone], true);
      else {
        this.#tell([report.done, id, 0], true);
        this.#answer(peer, offer);
      }
    }
  }

  /** Takes the answer to an offer. @param {Peer} peer @param {number} id of the offer */
  hear(peer, id) {
    const open = this.#open.get(id);
    if (open?.peer !== peer) return;
    this.#open.delete(id);
    this.#tell([report.done, open.send.id, 0], open.send.urgent);
  }

  /** Settles what waits for a peer that is gone. @param {Peer} peer */
  drop(peer) {
    for (const [id, { peer: other, send }] of this.#open) {
      if (other !== peer) continue;
      this.#open.delete(id);
      this.#tell([report.lost, send.id, peer.gone], true);
    }
  }
}

/** The group of answers of this sender. @param {number} group */
export function answerOf(group) {
  return controlOf(offerOf(group));
}

/** Three numbers at an address that does not move: where a message is in the arena, its length, and the offer's id. */
class Note {
  words = new Float64Array(new ArrayBuffer(24));
  address = Number(koffi.address(this.words));
}
