// Moves messages between those who ask for them, here or in the main thread, and UCX: makes endpoints when they are first
// needed, matches what arrives with what is asked for, watches requests, and settles what a lost peer leaves behind. When
// it runs is not decided here.
// @ts-check

import koffi from 'koffi';
import { Departures, farewellMs } from './departures.mjs';
import { Early, keptBytes } from './early.mjs';
import { ucs } from './libucp.mjs';
import { controlOf, controlTag, groupOf, isControl, isOffer, plainOf, reason, report, viewOf } from './messages.mjs';
import { answerOf, Offers } from './offers.mjs';
import { courtesyMs, Link, nobody, Peer } from './peer.mjs';
import { Requests } from './requests.mjs';

/** @typedef {import('./peer.mjs').Receive} Receive @typedef {import('./peer.mjs').Message} Message @typedef {import('./peer.mjs').Send} Send */
/** @typedef {import('./requests.mjs').Active} Active */

export class Exchange {
  #ucx;
  #tell;
  #early;
  #offers;
  /** Peers by the group of what they send. A message may come before this side knows its view. @type {Map<number, Peer>} */
  #peers = new Map();
  /** Views that this side has left: what still comes for them is dropped. @type {Set<number>} */
  #left = new Set();
  #requests;
  #departures;
  /** By the address of their worker, as a string. @type {Map<string, Link>} */
  #links = new Map();
  /** Where UCX notes broken endpoints. Kept to the end: who knows how late it does. @type {BigUint64Array[]} */
  #failures = [];

  /**
   * @param {import('./ucx-worker.mjs').UcxWorker} ucx
   * @param {(entry: readonly number[], urgent: boolean) => void} tell
   */
  constructor(ucx, tell) {
    this.#ucx = ucx;
    this.#tell = tell;
    this.#requests = new Requests(ucx);
    this.#departures = new Departures(ucx, (peer, flushes) => this.#sayFarewell(peer, flushes));
    this.#early = new Early({ ucx, tell, watch: (active) => this.#watch(active) });
    this.#offers = new Offers({ ucx, tell, answer: (peer, tag) => this.#answer(peer, tag) });
  }

  /** @returns {boolean} whether something is to be done at a certain time */
  get hasDeadline() {
    return !this.#departures.isEmpty || [...this.#links.values()].some(({ dueAt }) => dueAt !== 0);
  }

  /** @param {{ view: number, rank: number, addresses: readonly Uint8Array[], arenas: readonly number[] }} view */
  join({ view, rank, addresses, arenas }) {
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

  /** @param {number} group */
  #peer(group) {
    const known = this.#peers.get(group);
    if (known) return known;
    const peer = new Peer(group);
    this.#peers.set(group, peer);
    return peer;
  }

  /** @param {Uint8Array} address */
  #link(address) {
    const key = Buffer.from(address).toString('latin1');
    const known = this.#links.get(key);
    if (known && known.failed[0] === 0n) return known;
    if (known) this.#break(known, reason.endpoint); // nobody may have noticed yet
    const link = new Link(address);
    this.#links.set(key, link);
    this.#failures.push(link.failed);
    return link;
  }

  /** @param {Send} send */
  send(send) {
    if (this.#left.has(viewOf(send.group))) return this.#tell([report.lost, send.id, reason.left], true);
    const peer = this.#peer(send.group);
    const link = this.#need(peer);
    if (!link) this.#tell([report.lost, send.id, peer.gone], true);
    else if (link.endpoint === 0) link.sends.push(send);
    else this.#sendNow(peer, link.endpoint, send);
  }

  /** @param {Peer} peer @param {number} endpoint @param {Send} send */
  #sendNow(peer, endpoint, send) {
    if (this.#offers.suits(peer, send)) return this.#run(this.#offers.make(peer, endpoint, send), peer);
    const { id, tag, address, length, urgent } = send;
    const request = this.#ucx.send(endpoint, peer.mine, tag, address, length);
    this.#watch({ id, request, peer, urgent, settled: false });
  }

  /** Answers an offer, now or when there is a link. @param {Peer} peer @param {number} tag */
  #answer(peer, tag) {
    const link = this.#need(peer);
    if (!link) return;
    const give = () => this.#run(this.#ucx.send(link.endpoint, answerOf(peer.mine), tag, 0, 0), peer);
    if (link.endpoint === 0) link.answers.push(give);
    else give();
  }

  /**
   * Looks after a request of the bridge's own. Where it fails, its peer is lost.
   * @param {number} request @param {Peer} peer `nobody` where a failure means nothing
   */
  #run(request, peer) {
    if (request > 0) this.#requests.add({ id: 0, request, peer, urgent: false, settled: true });
    else if (request < 0 && peer !== nobody) this.lose(peer.group, request);
  }

  /** @param {{ id: number, group: number, tag: number, address: number, length: number }} recv */
  recv({ id, group, tag, address, length }) {
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
   * The link to a peer, with its endpoint or with one that will be. Of two workers that need each other at the same time
   * only the one with the lower rank connects; the other one waits for that a moment. (UCX 1.13 aborts now and then when
   * both connect at once over TCP.)
   * @param {Peer} peer
   * @returns {Link | undefined} nothing where the peer is gone
   */
  #need(peer) {
    const { link } = peer;
    if (peer.gone !== 0 || !link) return undefined;
    if (link.endpoint !== 0) return link;
    if (peer.hasGreeted || peer.mine < peer.group) this.#open(peer, link);
    else link.dueAt ||= performance.now() + courtesyMs;
    return peer.gone === 0 ? link : undefined;
  }

  /** The first message sets up the connection, so that its end is noticed. @param {Peer} peer @param {Link} link */
  #open(peer, link) {
    link.dueAt = 0;
    const endpoint = this.#ucx.connect(link.address, Number(koffi.address(link.failed)));
    if (endpoint < 0) return this.lose(peer.group, endpoint);
    link.endpoint = endpoint;
    // A farewell comes after what is still to be sent.
    this.#sendControl(peer, endpoint, link.sends.length === 0 ? peer.greeting : controlTag.hello);
    for (const give of link.answers.splice(0)) give();
    for (const send of link.sends.splice(0)) this.send(send);
  }

  /** Connects to those who were waited for in vain. @returns {boolean} whether there were any */
  connect() {
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

  /** @param {Peer} peer @param {number} endpoint @param {number} tag */
  #sendControl(peer, endpoint, tag) {
    this.#run(this.#ucx.send(endpoint, controlOf(peer.mine), tag, 0, 0), nobody);
  }

  /** Takes what has arrived. @returns {boolean} whether there was anything */
  collect() {
    let any = false;
    for (let found = this.#ucx.probe(); found; found = this.#ucx.probe()) {
      any = true;
      this.#arrive(found);
    }
    return any;
  }

  /** Settles what was read out of the memory of others. @returns {boolean} whether there was anything */
  confirm() {
    if (!this.#offers.hasTaken) return false;
    const taken = this.#offers.taken();
    // Who gets memory back says so before: what it said while this side read is here by now.
    this.#catchUp();
    this.#offers.confirm(taken);
    return true;
  }

  /** @param {{ message: number, group: number, tag: number, length: number }} found */
  #arrive({ message, group, tag, length }) {
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

  /** @param {Peer} peer @param {number} tag @param {number} message @param {boolean} isAnswer */
  #arriveControl(peer, tag, message, isAnswer) {
    this.#drop(message);
    if (isAnswer) return this.#offers.hear(peer, tag);
    if (tag === controlTag.farewell) return this.lose(peer.group, reason.left);
    peer.hasGreeted = true;
    // But not before the rest has been heard, which may be a farewell.
    if (peer.link && peer.link.dueAt !== 0) peer.link.dueAt = performance.now();
  }

  /** Takes a message without keeping it. @param {number} message */
  #drop(message) {
    if (message !== 0) this.#run(this.#ucx.recv(message, 0, 0), nobody);
  }

  /** @param {Peer} peer @param {Receive} receive @param {Message} message */
  #start(peer, { id, address, length }, message) {
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

  /** @param {Active} active */
  #watch(active) {
    if (active.request <= 0) return this.#finish(active, active.request);
    this.#requests.add(active);
    this.#adopt(active.peer);
  }

  /**
   * Makes the endpoint this side's over which UCX answers a sender by itself: only what this side has it can close, and
   * UCX 1.13 aborts when it ends while an endpoint of its own making has something under way.
   * @param {Peer} peer
   */
  #adopt(peer) {
    const { link } = peer;
    if (!link || link.endpoint !== 0) return;
    this.#open(peer, link);
    if (link.failed[0] !== 0n) this.#break(link, peer.gone);
  }

  /** Looks after the requests under way. @returns {boolean} whether one has ended */
  settle() {
    return this.#requests.settle((active, status) => this.#finish(active, status));
  }

  /** @param {Active} active @param {number} status */
  #finish({ id, peer, urgent, settled, kept }, status) {
    if (kept && status === ucs.ok) return this.#early.have(peer, kept);
    if (id === 0) return this.#run(Math.min(status, 0), peer);
    if (settled) return this.#tell([report.released, id, status], false);
    if (status === ucs.ok) return this.#tell([report.done, id, 0], urgent);
    this.#tell([report.lost, id, peer.gone || status], true);
    this.lose(peer.group, status);
  }

  /** Takes all that is here. */
  #catchUp() {
    while (this.#ucx.progress()) this.collect();
    this.collect();
  }

  /** @returns {boolean} whether UCX has found an endpoint broken */
  noticeFailures() {
    let any = false;
    for (const link of this.#links.values()) {
      if (link.endpoint === 0 || Atomics.load(link.failed, 0) === 0n) continue;
      any = true;
      this.#break(link, reason.endpoint);
    }
    return any;
  }

  /** Lets go of a link, and with it of all who are at its other end. @param {Link} link @param {number} why */
  #break(link, why) {
    link.failed[0] = 1n;
    const { endpoint } = link;
    link.endpoint = 0;
    for (const peer of link.peers) this.lose(peer.group, why);
    if (endpoint !== 0) this.#run(this.#ucx.disconnect(endpoint), nobody);
  }

  /**
   * No more will come from this peer; what has come stays.
   * @param {number} group @param {number} why
   */
  lose(group, why) {
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

  /** Settles the sends that wait for a link. @param {Peer} peer */
  #dropSends({ link, group, gone }) {
    for (const { id } of link?.takeSends(group) ?? []) this.#tell([report.lost, id, gone], true);
  }

  /** Settles the calls of a peer that is gone; UCX may hold their memory still. @param {Peer} peer */
  #abandon(peer) {
    this.#early.drop(peer);
    for (const id of this.#requests.abandon(peer)) this.#tell([report.lost, id, peer.gone, 1], true);
  }

  /**
   * Says farewell to every peer of a view, and lets it go when that is sent.
   * @param {number} view @param {() => void} left is called then
   */
  leave(view, left) {
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

  /** @returns {boolean} whether a view has been left */
  depart() {
    return this.#departures.goOn();
  }

  /** @param {Peer} peer @param {number[]} flushes @returns {boolean} whether it is said, or cannot be */
  #sayFarewell(peer, flushes) {
    const link = this.#need(peer);
    if (!link) return true;
    if (link.endpoint === 0) return false;
    this.#sendControl(peer, link.endpoint, controlTag.farewell);
    const flush = this.#ucx.flush(link.endpoint);
    if (flush > 0) flushes.push(flush);
    return true;
  }

  /** @param {number} view */
  #forget(view) {
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

  /** Lets go of everything, before UCX ends. @returns {boolean} whether UCX holds nothing any more */
  close() {
    for (const link of this.#links.values()) this.#break(link, reason.left);
    const deadline = performance.now() + farewellMs;
    while (!this.#requests.isEmpty && performance.now() < deadline) {
      this.#ucx.progress();
      this.settle();
    }
    return this.#requests.isEmpty;
  }

  /** @param {number} view */
  #peersOf(view) {
    return [...this.#peers.values()].filter((peer) => viewOf(peer.group) === view);
  }
}
