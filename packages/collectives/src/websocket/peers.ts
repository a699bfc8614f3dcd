// A worker's flows to and from all others, as a `Transport`: each direction over a connection of its own, opened by who
// sends, or through the hub. It decides which; how connections are made is given to it.

import { closeCode } from '../close-code.ts';
import type { Connection, ConnectionEnd } from './connection.ts';
import { PeerLostError } from '@lockstep/errors';
import { ProtocolError } from '../protocol-error.ts';
import { encodeHeader, type Frame, type RankFrame, type Route } from './frame.ts';
import { Inflow } from './inflow.ts';
import type { Outbox } from './outbox.ts';
import { Outflow } from './outflow.ts';
import { checkPeer, type Transport } from '../transport.ts';

export interface PeersOptions {
  readonly rank: number;
  readonly size: number;
  readonly epoch: number;
  /** What is sent to the hub waits here. */
  readonly relay: Outbox;
  /** Opens a proven connection to a rank; undefined where the hub has to carry what is sent to it. */
  dial(rank: number): Promise<Connection> | undefined;
  /** Gets one line for each peer that cannot be reached directly or broke the protocol. */
  readonly log: (line: string) => void;
}

/** What is in flight between this worker and another, in bytes. */
export interface Traffic {
  /** Small messages sent, with their overhead, that the other has not said to have received. */
  readonly unconsumedBytes: number;
  /** In the socket to the other, or to the hub that relays. */
  readonly bufferedBytes: number;
  /** Small messages of the other, with their overhead, that wait here for a receive. */
  readonly earlyBytes: number;
}

/** The way that a flow takes. */
type Link = 'relay' | Connection;

interface Peer {
  readonly rank: number;
  readonly outflow: Outflow;
  readonly inflow: Inflow;
  outLink: Link | undefined;
  inLink: Link | undefined;
  isDialing: boolean;
  isBroken: boolean;
}

/** How long a connection that is still open may deliver what a lost peer had sent. */
const afterlifeMs = 1_000;

export class Peers implements Transport {
  readonly rank: number;
  readonly size: number;
  readonly #options: PeersOptions;
  readonly #peers = new Map<number, Peer>();
  readonly #connections = new Set<Connection>();
  #isClosed = false;

  constructor(options: PeersOptions) {
    this.rank = options.rank;
    this.size = options.size;
    this.#options = options;
    for (let rank = 0; rank < options.size; rank++)
      if (rank !== options.rank) this.#peers.set(rank, this.#create(rank));
  }

  async send(to: number, tag: number, bytes: Uint8Array): Promise<void> {
    checkPeer(to, this);
    if (bytes.length >= 2 ** 32) throw new RangeError(`send: expected less than 2³² bytes, got ${bytes.length}`);
    const peer = this.#peers.get(to)!;
    const sent = peer.outflow.send(tag, bytes);
    if (!peer.outLink && !peer.isDialing) this.#open(peer);
    await sent;
  }

  async recv(from: number, tag: number, into: Uint8Array): Promise<void> {
    checkPeer(from, this);
    const peer = this.#peers.get(from)!;
    try {
      await peer.inflow.recv(tag, into);
    } catch (error) {
      if (error instanceof ProtocolError) this.#break(peer, error);
      throw error;
    }
  }

  /** Takes leave of all on their direct connections; the hub is told by who called. */
  async close(): Promise<void> {
    this.#shut(new Error('transport: closed'));
    await Promise.all([...this.#connections].map((connection) => connection.close()));
  }

  /** Ends everything at once, for `error`. */
  fail(error: Error): void {
    this.#shut(error);
    for (const connection of this.#connections) connection.terminate();
  }

  /** Takes the connection that `rank` has opened to send on. */
  accept(rank: number, connection: Connection): void {
    const peer = this.#peers.get(rank);
    if (!peer || peer.inLink || this.#isClosed)
      throw new ProtocolError('expected a member that has no connection yet', closeCode.nameTaken);
    this.#connections.add(connection);
    peer.inLink = connection;
    connection.read((frame) => this.#takeIn(peer, frame));
    connection.outbox.add(peer.inflow, this.#route(rank));
    void connection.ended.then((end) => this.#ended(peer, connection, end));
  }

  /** Takes a frame that came through the hub. */
  deliver(frame: RankFrame): void {
    if (frame.epoch !== this.#options.epoch) return;
    if (frame.to !== this.rank)
      throw new ProtocolError(`connect: expected frames for rank ${this.rank}, got one for ${frame.to}`);
    checkPeer(frame.from, this);
    const peer = this.#peers.get(frame.from)!;
    if (peer.isBroken) return;
    try {
      this.#relayed(peer, frame);
    } catch (error) {
      this.#break(peer, error as Error);
    }
  }

  /** The hub says that `rank` is gone. */
  lose(rank: number): void {
    this.#lose(this.#peers.get(rank)!, new PeerLostError(rank));
  }

  traffic(rank: number): Traffic {
    checkPeer(rank, this);
    const { outflow, inflow, outLink } = this.#peers.get(rank)!;
    const outbox = typeof outLink === 'object' ? outLink.outbox : this.#options.relay;
    const { unconsumedBytes } = outflow;
    return { unconsumedBytes, bufferedBytes: outbox.bufferedBytes, earlyBytes: inflow.earlyBytes };
  }

  #create(rank: number): Peer {
    const peer: Peer = {
      rank,
      outflow: new Outflow(() => this.#pump(peer.outLink)),
      inflow: new Inflow(rank, () => this.#pump(peer.inLink)),
      outLink: undefined,
      inLink: undefined,
      isDialing: false,
      isBroken: false,
    };
    return peer;
  }

  #pump(link: Link | undefined): void {
    if (link) (link === 'relay' ? this.#options.relay : link.outbox).pump();
  }

  #route(to: number): Route {
    return { epoch: this.#options.epoch, from: this.rank, to };
  }

  /** Finds the way to a peer when the first message for it is there. */
  #open(peer: Peer): void {
    const dialing = this.#dial(peer);
    if (!dialing) return this.#openRelay(peer);
    peer.isDialing = true;
    dialing
      .then((connection) => this.#openDirect(peer, connection))
      .catch((error: Error) => {
        if (peer.outflow.failure) return;
        this.#options.log(`rank ${peer.rank} is reached through the hub: ${error.message.split('\n')[0]}`);
        this.#openRelay(peer);
      });
  }

  /** An address that is none is as good as none: it came from another worker. */
  #dial({ rank }: Peer): Promise<Connection> | undefined {
    try {
      return this.#options.dial(rank);
    } catch (error) {
      this.#options.log(`rank ${rank} is reached through the hub: ${(error as Error).message}`);
      return undefined;
    }
  }

  #openRelay(peer: Peer): void {
    peer.outLink = 'relay';
    this.#options.relay.add(peer.outflow, this.#route(peer.rank));
  }

  #openDirect(peer: Peer, connection: Connection): void {
    if (peer.outflow.failure) return connection.terminate();
    this.#connections.add(connection);
    peer.outLink = connection;
    connection.read((frame) => this.#takeBack(peer, frame));
    connection.outbox.add(peer.outflow, this.#route(peer.rank));
    void connection.ended.then((end) => this.#ended(peer, connection, end));
  }

  /** What a sender says on its own connection. */
  #takeIn(peer: Peer, frame: Frame): void {
    this.#checkRoute(peer, frame);
    const { kind } = frame;
    if (kind === 'eager' || kind === 'piece' || kind === 'announce') peer.inflow.take({ ...frame, kind });
    else throw new ProtocolError(`expected messages from rank ${peer.rank}, got a ${kind} frame`);
  }

  /** What a receiver answers on the connection that this worker sends on. */
  #takeBack(peer: Peer, frame: Frame): void {
    this.#checkRoute(peer, frame);
    if (frame.kind === 'grant') peer.outflow.grant(frame.tag, frame.total);
    else if (frame.kind === 'credit') peer.outflow.credit(frame.total);
    else throw new ProtocolError(`expected grants and credits from rank ${peer.rank}, got a ${frame.kind} frame`);
    this.#pump(peer.outLink);
  }

  #checkRoute({ rank }: Peer, { from, to, epoch }: Frame): void {
    if (from !== rank || to !== this.rank || epoch !== this.#options.epoch)
      throw new ProtocolError(`expected frames from rank ${rank} to ${this.rank}, got one from ${from} to ${to}`);
  }

  #relayed(peer: Peer, frame: RankFrame): void {
    if (frame.kind === 'reset') return this.#end(peer, resetBy(peer.rank, frame.total));
    const isAnswer = frame.kind === 'grant' || frame.kind === 'credit';
    if (!isAnswer && !peer.inLink) {
      peer.inLink = 'relay';
      this.#options.relay.add(peer.inflow, this.#route(peer.rank));
    }
    if ((isAnswer ? peer.outLink : peer.inLink) !== 'relay')
      throw new ProtocolError(`expected rank ${peer.rank} to keep to its own connection, got a frame through the hub`);
    if (isAnswer) this.#takeBack(peer, frame);
    else this.#takeIn(peer, frame);
  }

  /** Nothing more with a peer that breaks the protocol; it is told so, the others do not notice. */
  #break(peer: Peer, error: Error): void {
    if (peer.isBroken) return;
    this.#options.log(`rank ${peer.rank} broke the protocol: ${error.message}`);
    const code = error instanceof ProtocolError ? error.closeCode : closeCode.malformed;
    for (const link of new Set([peer.inLink, peer.outLink])) {
      if (typeof link === 'object') link.refuse(error);
      else if (link)
        this.#options.relay.post(
          encodeHeader('reset', 0, { ...this.#route(peer.rank), tag: 0, total: code, offset: 0 }),
        );
    }
    this.#end(peer, error);
  }

  #end(peer: Peer, error: Error): void {
    peer.isBroken = true;
    peer.outflow.fail(error);
    peer.inflow.lose(error);
  }

  /** What a lost peer had sent on a connection of its own may still be on the way. */
  #lose(peer: Peer, error: PeerLostError): void {
    peer.outflow.fail(error);
    const link = peer.inLink;
    if (typeof link !== 'object' || link.isEnded) return peer.inflow.lose(error);
    const timer = setTimeout(() => link.terminate(), afterlifeMs);
    void link.ended.then(() => clearTimeout(timer));
  }

  /** A direct connection has ended: with a farewell, because of what came on it, or with the process behind it. */
  #ended(peer: Peer, connection: Connection, { code, reason, error }: ConnectionEnd): void {
    this.#connections.delete(connection);
    if (error) return this.#break(peer, error);
    const loss = code === closeCode.normal ? new PeerLostError(peer.rank) : lostBy(peer.rank, code, reason);
    // After a farewell the other direction is still read to its end, and the hub has the last word.
    if (code !== closeCode.normal || connection === peer.inLink) this.#lose(peer, loss);
    else peer.outflow.fail(loss);
  }

  #shut(error: Error): void {
    this.#isClosed = true;
    for (const peer of this.#peers.values()) {
      peer.outflow.fail(error);
      peer.inflow.close(error);
    }
  }
}

function resetBy(rank: number, code: number): PeerLostError {
  return new PeerLostError(rank, `transport: rank ${rank} has closed the connection (${code})`);
}

function lostBy(rank: number, code: number, reason: string): PeerLostError {
  return new PeerLostError(
    rank,
    `transport: rank ${rank} is gone: its connection is lost (${code}${reason && `, ${reason}`})`,
  );
}
