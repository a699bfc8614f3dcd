// Moves messages between those who ask for them, here or in the main thread, and UCX: makes endpoints when they are first
// needed, matches what arrives with what is asked for, watches requests, and settles what a lost peer leaves behind. When
// it runs is not decided here.

import koffi from 'koffi';
import { Departures, farewellMs } from './departures.ts';
import { Early, keptBytes } from './early.ts';
import { ucs } from './libucp.ts';
import {
  controlOf,
  controlTag,
  groupOf,
  isControl,
  isOffer,
  plainOf,
  reason,
  report,
  type Tell,
  type ThreadView,
  viewOf,
} from './messages.ts';
import { answerOf, Offers } from './offers.ts';
import { courtesyMs, Link, type Message, nobody, Peer, type Receive, type Send, type Wanted } from './peer.ts';
import { type Active, Requests } from './requests.ts';
import type { Found, UcxWorker } from './ucx-worker.ts';

export class Exchange {
  readonly #ucx: UcxWorker;
  readonly #tell: Tell;
  readonly #early: Early;
  readonly #offers: Offers;
  /** Peers by the group of what they send. A message may come before this side knows its view. */
  readonly #peers = new Map<number, Peer>();
  /** Views that this side has left: what still comes for them is dropped. */
  readonly #left = new Set<number>();
  readonly #requests: Requests;
  readonly #departures: Departures;
  /** By the address of their worker, as a string. */
  readonly #links = new Map<string, Link>();
  /** Where UCX notes broken endpoints. Kept to the end: who knows how late it does. */
  readonly #failures: BigUint64Array[] = [];

  constructor(ucx: UcxWorker, tell: Tell) {
    this.#ucx = ucx;
    this.#tell = tell;
    this.#requests = new Requests(ucx);
    this.#departures = new Departures(ucx, (peer, flushes) => this.#sayFarewell(peer, flushes));
    this.#early = new Early({ ucx, tell, watch: (active) => this.#watch(active) });
    this.#offers = new Offers({ ucx, tell, answer: (peer, tag) => this.#answer(peer, tag) });
  }

  /** @returns whether something is to be done at a certain time */
  get hasDeadline(): boolean {
    return !this.#departures.isEmpty || [...this.#links.values()].some(({ dueAt }) => dueAt !== 0);
  }

  join({ view, rank, addresses, arenas }: ThreadView): void {
    this.#left.delete(view);
    for (const [other, address] of addresses.entries()) {
      if (other === rank) continue;
      const peer = this.#peer(groupOf(view, other));
      peer.mine = groupOf(view, rank);
      peer.arena = arenas[other] ?? 0;
      peer.link = this.#link(address);
      peer.link.peers.add(peer);
      if (peer.gone !== 0) this.#tell([report.gone, 0, peer.gone, peer.group], true);
    }
  }

  #peer(group: number): Peer {
    const known = this.#peers.get(group);
    if (known) return known;
    const peer = new Peer(group);
    this.#peers.set(group, peer);
    return peer;
  }

  #link(address: Uint8Array): Link {
    const key = Buffer.from(address).toString('latin1');
    const known = this.#links.get(key);
    if (known && known.failed[0] === 0n) return known;
    if (known) this.#break(known, reason.endpoint); // nobody may have noticed yet
    const link = new Link(address);
    this.#links.set(key, link);
    this.#failures.push(link.failed);
    return link;
  }

  send(send: Send): void {
    if (this.#left.has(viewOf(send.group))) return this.#tell([report.lost, send.id, reason.left], true);
    const peer = this.#peer(send.group);
    const link = this.#need(peer);
    if (!link) this.#tell([report.lost, send.id, peer.gone], true);
    else if (link.endpoint === 0) link.sends.push(send);
    else this.#sendNow(peer, link.endpoint, send);
  }

  #sendNow(peer: Peer, endpoint: number, send: Send): void {
    if (this.#offers.suits(peer, send)) return this.#run(this.#offers.make(peer, endpoint, send), peer);
    const { id, tag, address, length, urgent } = send;
    const request = this.#ucx.send(endpoint, peer.mine, tag, address, length);
    this.#watch({ id, request, peer, urgent, settled: false });
  }

  /** Answers an offer, now or when there is a link. */
  #answer(peer: Peer, tag: number): void {
    const link = this.#need(peer);
    if (!link) return;
    const give = () => this.#run(this.#ucx.send(link.endpoint, answerOf(peer.mine), tag, 0, 0), peer);
    if (link.endpoint === 0) link.answers.push(give);
    else give();
  }

  /**
   * Looks after a request of the bridge's own. Where it fails, its peer is lost.
   * @param peer `nobody` where a failure means nothing
   * @param link made by it
   */
  #run(request: number, peer: Peer, link?: Link): void {
    if (request > 0) this.#requests.add({ id: 0, request, peer, urgent: false, settled: true, link });
    else if (request < 0 && peer !== nobody) this.lose(peer.group, request);
  }

  recv({ id, group, tag, address, length }: Wanted): void {
    if (this.#left.has(viewOf(group))) return this.#tell([report.lost, id, reason.left], true);
    const peer = this.#peer(group);
    const receive = { id, address, length };
    const message = peer.early.shift(tag);
    if (message) return this.#start(peer, receive, message);
    if (peer.gone !== 0) return this.#tell([report.lost, id, peer.gone], true);
    // It may be on its way though its sender cannot be reached any more, so first this.
    peer.receives.push(tag, receive);
    this.#need(peer);
  }

  /**
   * The link to a peer, with its endpoint or with one that will be. Of two workers that need each other at the same
   * time only the one with the lower rank connects; the other one waits for that a moment. (UCX 1.13 aborts now and
   * then when both connect at once over TCP.)
   * @returns nothing where the peer is gone
   */
  #need(peer: Peer): Link | undefined {
    const { link } = peer;
    if (peer.gone !== 0 || !link) return undefined;
    if (link.endpoint !== 0) return link;
    if (peer.hasGreeted || peer.mine < peer.group) this.#open(peer, link);
    else link.dueAt ||= performance.now() + courtesyMs;
    return peer.gone === 0 ? link : undefined;
  }

  /** The first message sets up the connection, so that its end is noticed. */
  #open(peer: Peer, link: Link): void {
    link.dueAt = 0;
    const endpoint = this.#ucx.connect(link.address, Number(koffi.address(link.failed)));
    if (endpoint < 0) return this.lose(peer.group, endpoint);
    link.endpoint = endpoint;
    // A farewell comes after what is still to be sent.
    this.#sendControl(peer, endpoint, link.sends.length === 0 ? peer.greeting : controlTag.hello, link);
    for (const give of link.answers.splice(0)) give();
    for (const send of link.sends.splice(0)) this.send(send);
  }

  /** Connects to those who were waited for in vain. @returns whether there were any */
  connect(): boolean {
    let any = false;
    for (const link of this.#links.values()) {
      if (link.dueAt === 0 || performance.now() < link.dueAt) continue;
      any = true;
      const peer = [...link.peers].find(({ gone }) => gone === 0);
      if (peer) this.#open(peer, link);
      else link.dueAt = 0;
    }
    return any;
  }

  /** @param link that this is the first message over */
  #sendControl(peer: Peer, endpoint: number, tag: number, link?: Link): void {
    this.#run(this.#ucx.send(endpoint, controlOf(peer.mine), tag, 0, 0), nobody, link);
  }

  /** Takes what has arrived. @returns whether there was anything */
  collect(): boolean {
    let any = false;
    for (let found = this.#ucx.probe(); found; found = this.#ucx.probe()) {
      any = true;
      this.#arrive(found);
    }
    return any;
  }

  /** Settles what was read out of the memory of others. @returns whether there was anything */
  confirm(): boolean {
    if (!this.#offers.hasTaken) return false;
    const taken = this.#offers.taken();
    // Who gets memory back says so before: what it said while this side read is here by now.
    this.#catchUp();
    this.#offers.confirm(taken);
    return true;
  }

  #arrive({ message, group, tag, length }: Found): void {
    if (this.#left.has(viewOf(group))) return this.#drop(message);
    const peer = this.#peer(plainOf(group));
    if (isControl(group)) return this.#arriveControl(peer, tag, message, isOffer(group));
    const what = isOffer(group) ? this.#offers.read(peer, message, length) : { message, length, from: 0, offer: 0 };
    if (!what) return this.lose(peer.group, reason.endpoint);
    const receive = peer.receives.shift(tag);
    if (receive) this.#start(peer, receive, what);
    else if (isOffer(group) || length >= keptBytes) peer.early.push(tag, what);
    else this.#early.keep(peer, tag, message, length);
  }

  #arriveControl(peer: Peer, tag: number, message: number, isAnswer: boolean): void {
    this.#drop(message);
    if (isAnswer) return this.#offers.hear(peer, tag);
    if (tag === controlTag.farewell) return this.lose(peer.group, reason.left);
    peer.hasGreeted = true;
    // But not before the rest has been heard, which may be a farewell.
    if (peer.link && peer.link.dueAt !== 0) peer.link.dueAt = performance.now();
  }

  /** Takes a message without keeping it. */
  #drop(message: number): void {
    if (message !== 0) this.#run(this.#ucx.recv(message, 0, 0), nobody);
  }

  #start(peer: Peer, { id, address, length }: Receive, message: Message): void {
    const { kept } = message;
    const isOffered = message.message === 0 && !kept;
    if (message.length !== length) {
      if (isOffered) this.#answer(peer, message.offer);
      else this.#drop(message.message); // nothing for what is kept
      return this.#tell([report.wrongLength, id, message.length], true);
    }
    if (kept) return this.#early.give(peer, { id, address, length }, kept);
    if (isOffered) return this.#offers.take(peer, { id, address, length }, message);
    const request = this.#ucx.recv(message.message, address, length);
    this.#watch({ id, request, peer, urgent: true, settled: false });
    // Of one that is gone, only what is here whole can be had.
    if (peer.gone !== 0 && request > 0) this.#abandon(peer);
  }

  #watch(active: Active): void {
    if (active.request <= 0) return this.#finish(active, active.request);
    this.#requests.add(active);
    this.#adopt(active.peer);
  }

  /**
   * Makes the endpoint this side's over which UCX answers a sender by itself: only what this side has it can close,
   * and UCX 1.13 aborts when it ends while an endpoint of its own making has something under way.
   */
  #adopt(peer: Peer): void {
    const { link } = peer;
    if (!link || link.endpoint !== 0) return;
    this.#open(peer, link);
    if (link.failed[0] !== 0n) this.#break(link, peer.gone);
  }

  /** Looks after the requests under way. @returns whether one has ended */
  settle(): boolean {
    return this.#requests.settle((active, status) => this.#finish(active, status));
  }

  #finish({ id, peer, urgent, settled, kept }: Active, status: number): void {
    if (kept && status === ucs.ok) return this.#early.have(peer, kept);
    if (id === 0) return this.#run(Math.min(status, 0), peer);
    if (settled) return this.#tell([report.released, id, status], false);
    if (status === ucs.ok) return this.#tell([report.done, id, 0], urgent);
    this.#tell([report.lost, id, peer.gone || status], true);
    this.lose(peer.group, status);
  }

  /** Takes all that is here. */
  #catchUp(): void {
    while (this.#ucx.progress()) this.collect();
    this.collect();
  }

  /** @returns whether UCX has found an endpoint broken */
  noticeFailures(): boolean {
    let any = false;
    for (const link of this.#links.values()) {
      if (link.endpoint === 0 || Atomics.load(link.failed, 0) === 0n) continue;
      any = true;
      this.#break(link, reason.endpoint);
    }
    return any;
  }

  /** Lets go of a link, and with it of all who are at its other end. */
  #break(link: Link, why: number): void {
    link.failed[0] = 1n;
    const { endpoint } = link;
    link.endpoint = 0;
    for (const peer of link.peers) this.lose(peer.group, why);
    if (endpoint !== 0 && !link.isConnecting) this.#run(this.#ucx.disconnect(endpoint), nobody);
  }

  /** No more will come from this peer; what has come stays. */
  lose(group: number, why: number): void {
    const peer = this.#peer(group);
    if (peer.gone !== 0 || peer === nobody) return;
    peer.gone = why;
    // What it sent before may still be on its way through UCX.
    this.#catchUp();
    if (peer.link) this.#tell([report.gone, 0, why, group], true);
    for (const { id } of peer.receives.clear()) this.#tell([report.lost, id, why], true);
    this.#offers.drop(peer);
    this.#dropSends(peer);
    // Its worker may be there still, with another view; and UCX 1.13 does not like an end while it connects over TCP.
    if (peer.link && why !== reason.left && why !== reason.told) this.#break(peer.link, why);
    this.settle();
    this.#abandon(peer);
  }

  /** Settles the sends that wait for a link. */
  #dropSends({ link, group, gone }: Peer): void {
    for (const { id } of link?.takeSends(group) ?? []) this.#tell([report.lost, id, gone], true);
  }

  /** Settles the calls of a peer that is gone; UCX may hold their memory still. */
  #abandon(peer: Peer): void {
    this.#early.drop(peer);
    for (const id of this.#requests.abandon(peer)) this.#tell([report.lost, id, peer.gone, 1], true);
  }

  /** Says farewell to every peer of a view, and lets it go when that is sent. @param left is called then */
  leave(view: number, left: () => void): void {
    const peers = this.#peersOf(view);
    // Who is greeted with a farewell does not connect in return to somebody who is about to be gone.
    for (const peer of peers) peer.greeting = controlTag.farewell;
    for (const peer of peers) this.#need(peer);
    const ended = () => {
      this.#forget(view);
      left();
    };
    this.#departures.begin(() => this.#peersOf(view), ended);
  }

  /** @returns whether a view has been left */
  depart(): boolean {
    return this.#departures.goOn();
  }

  /** @returns whether it is said, or cannot be */
  #sayFarewell(peer: Peer, flushes: number[]): boolean {
    const link = this.#need(peer);
    if (!link) return true;
    if (link.endpoint === 0) return false;
    this.#sendControl(peer, link.endpoint, controlTag.farewell);
    const flush = this.#ucx.flush(link.endpoint);
    if (flush > 0) flushes.push(flush);
    return true;
  }

  #forget(view: number): void {
    this.#left.add(view);
    for (const peer of this.#peersOf(view)) {
      this.#peers.delete(peer.group);
      peer.gone ||= reason.left;
      for (const { id } of peer.receives.clear()) this.#tell([report.lost, id, peer.gone], false);
      this.#offers.drop(peer);
      this.#dropSends(peer);
      for (const { message } of peer.early.clear()) this.#drop(message);
      this.#abandon(peer);
      peer.link?.peers.delete(peer);
    }
  }

  /** Lets go of everything, before UCX ends. @returns whether UCX holds nothing any more */
  close(): boolean {
    for (const link of this.#links.values()) this.#break(link, reason.left);
    const deadline = performance.now() + farewellMs;
    while (!this.#requests.isEmpty && performance.now() < deadline) {
      this.#ucx.progress();
      this.settle();
    }
    return this.#requests.isEmpty;
  }

  #peersOf(view: number): Peer[] {
    return [...this.#peers.values()].filter((peer) => viewOf(peer.group) === view);
  }
}
