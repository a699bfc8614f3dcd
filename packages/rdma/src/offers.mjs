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
/** @typedef {{ peer: Peer, id: number, offer: number }} Taken */

/** From here on an offer, its answer and one copy take less than a message through UCX. */
const leastBytes = 128 * 1024;

/** How often UCX is asked for a message that is here. */
const patience = 10_000;

/** An answer is empty where the offer was taken, and of one byte where it was declined. */
const declinedBytes = 1;

export class Offers {
  #ucx;
  #tell;
  #answer;
  #start;
  #watch;
  #drop;
  #lose;
  /** Nobody has answered yet, by id. @type {Map<number, { peer: Peer, send: Send, note: Note }>} */
  #open = new Map();
  /** Receives that the message comes to through UCX, by the sender's group and its id of the offer. @type {Map<string, Receive>} */
  #declined = new Map();
  #lastId = 0;
  #mayRead;
  /** What was read, and may have been something else by then. @type {Taken[]} */
  #taken = [];
  /** Where what arrives is read. */
  #arrived = new Note();
  /** What is sent to decline. */
  #no = new Note();

  /**
   * @param {object} exchange what it is part of
   * @param {import('./ucx-worker.mjs').UcxWorker} exchange.ucx
   * @param {(entry: readonly number[], urgent: boolean) => void} exchange.tell
   * @param {(peer: Peer, tag: number, address: number, length: number) => void} exchange.answer
   * @param {(peer: Peer, receive: Receive, message: Message) => void} exchange.start
   * @param {(active: import('./exchange.mjs').Active) => void} exchange.watch
   * @param {(message: number) => void} exchange.drop
   * @param {(group: number, why: number) => void} exchange.lose
   */
  constructor({ ucx, tell, answer, start, watch, drop, lose }) {
    this.#ucx = ucx;
    this.#mayRead = ucx.mayReadOthers;
    this.#tell = tell;
    this.#answer = answer;
    this.#start = start;
    this.#watch = watch;
    this.#drop = drop;
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
    for (let i = 0; request > 0 && this.#ucx.isUnderWay(request) && i < patience; i++) this.#ucx.progress();
    if (request > 0) request = this.#ucx.test(request);
    const [from = 0, size = 0, offer = 0] = words;
    return isOffer && request === 0 ? { message: 0, length: size, from, offer } : undefined;
  }

  /** @param {Peer} peer @param {Receive} receive @param {Message} message whose offer it is, and of the same length */
  take(peer, receive, { from, offer }) {
    if (peer.gone !== 0) return this.#tell([report.lost, receive.id, peer.gone], true);
    const error = this.#mayRead ? readMemory(peer.pid, from, receive.address, receive.length) : notPermitted;
    if (error === 0) this.#taken.push({ peer, id: receive.id, offer });
    else if (error === noSuchProcess) {
      this.#tell([report.lost, receive.id, reason.ended], true);
      this.#lose(peer.group, reason.ended);
    } else {
      this.#declined.set(`${peer.group} ${offer}`, receive);
      this.#answer(peer, offer, this.#no.address, declinedBytes);
    }
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
        this.#answer(peer, offer, 0, 0);
      }
    }
  }

  /** A message that nobody wants, or of another length. @param {Peer} peer @param {Message} message */
  refuse(peer, { offer }) {
    this.#answer(peer, offer, 0, 0);
  }

  /**
   * Takes the answer to an offer, or, which is longer, the message that this side has declined to read.
   * @param {Peer} peer @param {number} id of the offer @param {number} message @param {number} length
   */
  hear(peer, id, message, length) {
    const key = `${peer.group} ${id}`;
    const receive = length > declinedBytes ? this.#declined.get(key) : undefined;
    if (!receive) this.#drop(message);
    if (length <= declinedBytes) return this.#close(peer, id, length === declinedBytes);
    this.#declined.delete(key);
    if (receive) this.#start(peer, receive, { message, length, from: 0, offer: 0 });
  }

  /** @param {Peer} peer @param {number} id @param {boolean} isDeclined whether it goes through UCX instead, as all later ones */
  #close(peer, id, isDeclined) {
    const open = this.#open.get(id);
    if (open?.peer !== peer) return;
    this.#open.delete(id);
    const { send } = open;
    if (!isDeclined) return this.#tell([report.done, send.id, 0], send.urgent);
    peer.declines = true;
    const endpoint = peer.link?.endpoint ?? 0;
    if (endpoint === 0) return this.#tell([report.lost, send.id, peer.gone || reason.endpoint], true);
    const request = this.#ucx.send(endpoint, answerOf(peer.mine), id, send.address, send.length);
    this.#watch({ id: send.id, request, peer, urgent: send.urgent, settled: false });
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
