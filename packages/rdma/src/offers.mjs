// Large messages between processes of one host: the sender offers, the receiver reads them out of the sender's memory
// (cross memory attach), which is one copy in all, made by whoever waits for it. UCX could do the same, but not over
// endpoints that notice a peer's end; those copy twice, both sides at once. Where the system or UCX_TLS forbids such
// reading, the receiver declines and the message goes through UCX.
// @ts-check

import koffi from 'koffi';
import { noSuchProcess, notPermitted, readMemory } from './libc.mjs';
import { controlOf, offerOf, reason, report } from './messages.mjs';

/** @typedef {import('./peer.mjs').Peer} Peer */
/** @typedef {import('./peer.mjs').Receive} Receive */
/** @typedef {import('./peer.mjs').Message} Message */
/** @typedef {import('./peer.mjs').Send} Send */

/** From here on an offer, its answer and one copy take less than a message through UCX. */
const leastBytes = 128 * 1024;

/** An answer is empty where the offer was taken, and of one byte where it was declined. */
const declinedBytes = 1;

export class Offers {
  #ucx;
  #tell;
  #answer;
  #lose;
  /** Nobody has answered yet, by id. @type {Map<number, { peer: Peer, send: Send, note: Note }>} */
  #open = new Map();
  /** Receives that the message comes to through UCX, by the sender's group and its id of the offer. @type {Map<string, Receive>} */
  #declined = new Map();
  #lastId = 0;
  #mayRead;
  /** Where what arrives is read. */
  #arrived = new Note();
  /** What is sent to decline. */
  #no = new Note();

  /**
   * @param {object} exchange what it is part of
   * @param {import('./ucx-worker.mjs').UcxWorker} exchange.ucx
   * @param {(entry: readonly number[], urgent: boolean) => void} exchange.tell
   * @param {(peer: Peer, tag: number, address: number, length: number) => void} exchange.answer
   * @param {(group: number, why: number) => void} exchange.lose
   */
  constructor({ ucx, tell, answer, lose }) {
    this.#ucx = ucx;
    this.#mayRead = ucx.mayReadOthers;
    this.#tell = tell;
    this.#answer = answer;
    this.#lose = lose;
  }

  /** @param {Peer} peer @param {number} length */
  suits(peer, length) {
    return this.#mayRead && peer.pid !== 0 && !peer.declines && length >= leastBytes;
  }

  /** @param {Peer} peer @param {number} endpoint @param {Send} send @returns {number} as `UcxWorker.send` */
  make(peer, endpoint, send) {
    this.#lastId = (this.#lastId + 1) % 2 ** 32;
    const note = new Note();
    note.words.set([send.address, send.length, this.#lastId]);
    this.#open.set(this.#lastId, { peer, send, note });
    return this.#ucx.send(endpoint, offerOf(peer.mine), send.tag, note.address, note.words.byteLength);
  }

  /** @param {number} message from `probe` @param {number} length @returns {Message | undefined} nothing for what is no offer */
  read(message, length) {
    const { words, address } = this.#arrived;
    const isOffer = length === words.byteLength;
    let request = this.#ucx.recv(message, address, isOffer ? length : 0);
    // All of so small a message is here, though UCX may want to be asked.
    while (request > 0 && this.#ucx.isUnderWay(request)) this.#ucx.progress();
    if (request > 0) request = this.#ucx.test(request);
    const [from = 0, size = 0, offer = 0] = words;
    return isOffer && request === 0 ? { message: 0, length: size, from, offer } : undefined;
  }

  /** @param {Peer} peer @param {Receive} receive @param {Message} message whose offer it is, and of the same length */
  take(peer, receive, { from, offer }) {
    if (peer.gone !== 0) return this.#tell([report.lost, receive.id, peer.gone], true);
    const error = this.#mayRead ? readMemory(peer.pid, from, receive.address, receive.length) : notPermitted;
    if (error === 0) {
      this.#tell([report.done, receive.id, 0], true);
      this.#answer(peer, offer, 0, 0);
    } else if (error === noSuchProcess) {
      this.#tell([report.lost, receive.id, reason.ended], true);
      this.#lose(peer.group, reason.ended);
    } else {
      this.#declined.set(`${peer.group} ${offer}`, receive);
      this.#answer(peer, offer, this.#no.address, declinedBytes);
    }
  }

  /** A message that nobody wants, or of another length. @param {Peer} peer @param {Message} message */
  refuse(peer, { offer }) {
    this.#answer(peer, offer, 0, 0);
  }

  /**
   * The other side has taken an offer.
   * @param {Peer} peer @param {number} id
   */
  close(peer, id) {
    const open = this.#open.get(id);
    if (open?.peer !== peer) return;
    this.#open.delete(id);
    this.#tell([report.done, open.send.id, 0], open.send.urgent);
  }

  /**
   * The other side has declined an offer: nothing more is offered to it.
   * @param {Peer} peer @param {number} id
   * @returns {Send | undefined} what is to be sent through UCX, under `declinedGroup`
   */
  decline(peer, id) {
    const open = this.#open.get(id);
    if (open?.peer !== peer) return undefined;
    peer.declines = true;
    this.#open.delete(id);
    return open.send;
  }

  /** @param {Peer} peer @param {number} id @returns {Receive | undefined} for the message that this side has declined to read */
  declined(peer, id) {
    const key = `${peer.group} ${id}`;
    const receive = this.#declined.get(key);
    this.#declined.delete(key);
    return receive;
  }

  /** Settles what waits for a peer that is gone. @param {Peer} peer */
  drop(peer) {
    for (const [id, { peer: other, send }] of this.#open) {
      if (other !== peer) continue;
      this.#open.delete(id);
      this.#tell([report.lost, send.id, peer.gone], true);
    }
    for (const [key, { id }] of this.#declined) {
      if (!key.startsWith(`${peer.group} `)) continue;
      this.#declined.delete(key);
      this.#tell([report.lost, id, peer.gone], true);
    }
  }
}

/** The group of answers, and of messages that were declined, of this sender. @param {number} group */
export function answerOf(group) {
  return controlOf(offerOf(group));
}

/** Three numbers at an address that does not move: where a message is, its length, and the offer's id. */
class Note {
  words = new Float64Array(new ArrayBuffer(24));
  address = Number(koffi.address(this.words));
}
