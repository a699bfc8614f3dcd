// Large messages between processes of one host: the sender offers, the receiver reads them out of the sender's arena, which
// it has mapped. That is one copy in all, made by whoever waits for it; through UCX it would be two, both sides at once.
// What is not in the arena goes through UCX.

import { arena } from '@lockstep/collectives/offload';
import koffi from 'koffi';
import { copyMemory } from './libc.ts';
import { controlOf, offerOf, report, type Tell } from './messages.ts';
import type { Message, Peer, Receive, Send } from './peer.ts';
import type { UcxWorker } from './ucx-worker.ts';

/** What they are part of. */
interface OffersOptions {
  readonly ucx: UcxWorker;
  readonly tell: Tell;
  readonly answer: (peer: Peer, tag: number) => void;
}

interface Open {
  readonly peer: Peer;
  readonly send: Send;
  readonly note: Note;
}

interface Taken {
  readonly peer: Peer;
  readonly id: number;
  readonly offer: number;
}

/** From here on an offer, its answer and one copy take less than a message through UCX. */
const leastBytes = 128 * 1024;

/** How often UCX is asked for a message that is here. */
const patience = 10_000;

/** The most an arena can grow to; all of it is mapped. */
const arenaBytes = 2 ** 32;

/** Whether so many bytes from there on lie in an arena, as far as anybody may say who sends numbers. */
export function isWithinArena(from: number, length: number): boolean {
  const isWhole = Number.isSafeInteger(from) && Number.isSafeInteger(length);
  return isWhole && from >= 0 && length >= 0 && from + length <= arenaBytes;
}

export class Offers {
  readonly #ucx: UcxWorker;
  readonly #tell: Tell;
  readonly #answer: (peer: Peer, tag: number) => void;
  /** Nobody has answered yet, by id. */
  readonly #open = new Map<number, Open>();
  #lastId = 0;
  /** What was read, and may have been something else by then. */
  readonly #taken: Taken[] = [];
  /** Where what arrives is read. */
  readonly #arrived = new Note();
  /** Where this process's arena begins; it does not move. */
  readonly #base = Number(koffi.address(new Uint8Array(arena().memory.buffer)));

  constructor({ ucx, tell, answer }: OffersOptions) {
    this.#ucx = ucx;
    this.#tell = tell;
    this.#answer = answer;
  }

  suits(peer: Peer, { address, length }: Send): boolean {
    return peer.arena !== 0 && length >= leastBytes && isWithinArena(address - this.#base, length);
  }

  /** @returns as `UcxWorker.send` */
  make(peer: Peer, endpoint: number, send: Send): number {
    this.#lastId = (this.#lastId + 1) % 2 ** 32;
    const note = new Note();
    note.words.set([send.address - this.#base, send.length, this.#lastId]);
    this.#open.set(this.#lastId, { peer, send, note });
    return this.#ucx.send(endpoint, offerOf(peer.mine), send.tag, note.address, note.words.byteLength);
  }

  /** @param peer whose offer it may be @param message from `probe` @returns nothing for what is no offer */
  read(peer: Peer, message: number, length: number): Message | undefined {
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

  /** @param message whose offer it is, and of the same length */
  take(peer: Peer, receive: Receive, { from, offer }: Message): void {
    if (peer.gone !== 0) return this.#tell([report.lost, receive.id, peer.gone], true);
    copyMemory(receive.address, peer.arena + from, receive.length);
    this.#taken.push({ peer, id: receive.id, offer });
  }

  get hasTaken(): boolean {
    return this.#taken.length > 0;
  }

  /** @returns what has been read since the last time */
  taken(): Taken[] {
    return this.#taken.splice(0);
  }

  /** Those who are still there had not got their memory back when it was read. */
  confirm(taken: readonly Taken[]): void {
    for (const { peer, id, offer } of taken) {
      if (peer.gone !== 0) this.#tell([report.lost, id, peer.gone], true);
      else {
        this.#tell([report.done, id, 0], true);
        this.#answer(peer, offer);
      }
    }
  }

  /** Takes the answer to an offer. @param id of the offer */
  hear(peer: Peer, id: number): void {
    const open = this.#open.get(id);
    if (open?.peer !== peer) return;
    this.#open.delete(id);
    this.#tell([report.done, open.send.id, 0], open.send.urgent);
  }

  /** Settles what waits for a peer that is gone. */
  drop(peer: Peer): void {
    for (const [id, { peer: other, send }] of this.#open) {
      if (other !== peer) continue;
      this.#open.delete(id);
      this.#tell([report.lost, send.id, peer.gone], true);
    }
  }
}

/** The group of answers of this sender. */
export function answerOf(group: number): number {
  return controlOf(offerOf(group));
}

/** Three numbers at an address that does not move: where a message is in the arena, its length, and the offer's id. */
class Note {
  readonly words = new Float64Array(new ArrayBuffer(24));
  readonly address = Number(koffi.address(this.words));
}
