// A worker's place in a job, in Node and in a browser: its connection to the hub, over which it learns who the others are
// and exchanges values with the launcher. How messages reach the others is decided in peers.ts.

import { closeCode } from '../close-code.ts';
import type { Connection, ConnectionEnd } from './connection.ts';
import { type ControlMessage, decodeControl, encodeControl } from './control.ts';
import { enter, type Entered } from './enter.ts';
import { HubClock } from './hub-clock.ts';
import { PeerLostError, TimeoutError } from '@lockstep/errors';
import { ProtocolError } from '../protocol-error.ts';
import { type Frame, isRankFrame, payloadOf } from './frame.ts';
import type { OutboxOptions } from './outbox.ts';
import { peerAddress } from './peer-address.ts';
import { Peers, type Traffic } from './peers.ts';
import type { OpenSocket } from './socket.ts';
import type { Transport } from '../transport.ts';
import { rankOf, type View } from '../view.ts';
import { reasonOf, refusalOf } from './end-reason.ts';

export interface ConnectOptions extends OutboxOptions {
  /** Where the hub listens: ws://host:port, or wss://host:port. */
  readonly url: string;
  /** The job's token. It never leaves this process: the hub gets a proof of it, and has to prove it too. */
  readonly token: string;
  /** The job's public id, where it is known: another job is refused then. */
  readonly job?: string | undefined;
  /** Unique within the job; ranks follow the order of hosts, then of names, the shorter first. Drawn at random by default. */
  readonly name?: string;
  /** The machine, equal for workers that share it. */
  readonly host?: string;
  /** How other bridges reach this worker, by bridge. */
  readonly addresses?: Readonly<Record<string, string>>;
  /** SHA-256 of the hub's certificate in hex, for a `wss` hub with a certificate that no authority has signed; Node only. */
  readonly fingerprint?: string | undefined;
  /** How long the hub may take to accept, ms. */
  readonly timeoutMs?: number;
  /** How long the job may take to be complete after that, ms. */
  readonly viewTimeoutMs?: number;
  /** Gets a line when a peer cannot be reached directly or breaks the protocol. */
  readonly log?: (line: string) => void;
}

/** What a worker tells the others of itself. */
export interface Introduction {
  /** How other bridges reach it, by bridge. */
  readonly addresses?: Readonly<Record<string, string>> | undefined;
  /** How long the others may take to introduce themselves, ms; two minutes unless given. */
  readonly timeoutMs?: number | undefined;
}

/** A worker's seat in a job, which the others may not have taken theirs in yet. */
export interface Seat {
  readonly name: string;
  /** The job's public id. */
  readonly job: string;
  /** What the launcher gives to every worker on joining. */
  readonly welcome: unknown;
  /**
   * Says where other bridges reach this worker, and resolves when all workers have said so, that is when the hub has published its
   * view: once. Throws `TimeoutError`, or `PeerLostError` where the hub goes away.
   */
  introduce(at?: Introduction): Promise<Session>;
  /** Sends a value to the launcher: anything msgpack knows, up to 1 MiB. */
  send(value: unknown): void;
  /** Sets who gets the launcher's values; those that came before are delivered at once. */
  onMessage(listener: (value: unknown) => void): void;
  /** Milliseconds to add to `performance.timeOrigin + performance.now()` to get the hub's clock: of some asks, the quickest. */
  clockOffset(): Promise<number>;
  /** Resolves when the connection to the hub has ended: with the reason, or with nothing after `close`. */
  readonly ended: Promise<Error | undefined>;
  /** Leaves when all that was sent has gone out. */
  close(): Promise<void>;
  /** Ends at once, as a crash would. */
  abort(): void;
}

/** A worker's place in a job that is complete. */
export interface Session extends Omit<Seat, 'introduce'> {
  readonly view: View;
  readonly rank: number;
  readonly size: number;
  readonly transport: Transport;
  /** Sets who hears that the hub has lost a rank, or that it has left; other bridges need to know. */
  onGone(listener: (rank: number) => void): void;
  /** What is in flight between this worker and `rank`. */
  traffic(rank: number): Traffic;
}

/** Where other workers can open connections to this one. */
export interface PeerListener {
  readonly addresses: Readonly<Record<string, string>>;
  /** The secret shared with the member that has a public key; undefined for what is none. */
  agree(publicKey: string): Uint8Array | undefined;
  /** Lets others in from now on: those who know `token` and own the key of their name. What `accept` throws refuses one. */
  open(options: {
    token: string;
    job: string;
    name: string;
    keyOf: (name: string) => string | undefined;
    accept: (name: string, connection: Connection) => void;
  }): void;
  close(): Promise<void>;
}

/** What differs between Node and browsers. */
export interface Platform {
  readonly open: OpenSocket;
  /** The machine, where the worker was told none. */
  readonly host: string;
  /** Without one, messages between workers go through the hub. */
  readonly listener?: PeerListener;
}

/** After this a farewell that the hub does not answer is given up. */
const closeTimeoutMs = 5_000;

/**
 * Takes a seat in a job, and resolves when the hub has welcomed this worker.
 *
 * Throws `ConfigError` (wrong token, wrong job, another certificate, name taken, job full), `TimeoutError`,
 * `ProtocolError`, or `PeerLostError` when no hub answers or it goes away.
 */
export async function takeSeat(options: ConnectOptions, platform: Platform): Promise<Seat> {
  const { name = crypto.randomUUID() } = options;
  const entered = await enterHub({ ...options, name }, platform);
  const session = new HubSession({ ...options, name }, platform, entered);
  await session.welcomed;
  return session;
}

/** Joins a job, and resolves when it is complete. Throws what {@link takeSeat} and {@link Seat.introduce} say. */
export async function join(options: ConnectOptions, platform: Platform): Promise<Session> {
  return (await takeSeat(options, platform)).introduce({
    addresses: options.addresses,
    timeoutMs: options.viewTimeoutMs,
  });
}

type NamedOptions = ConnectOptions & { readonly name: string };

async function enterHub(options: NamedOptions, { open, listener }: Platform): Promise<Entered> {
  const { url, fingerprint, timeoutMs = 10_000 } = options;
  try {
    return await enter({
      ...options,
      purpose: 'hub',
      open: () => open(url, fingerprint),
      timeoutMs,
      expected: `connect: expected ${url} to accept`,
      reasonOf: (end) => reasonOf(end, url),
    });
  } catch (error) {
    await listener?.close();
    throw error;
  }
}

class HubSession implements Seat, Session {
  readonly name: string;
  readonly ended: Promise<Error | undefined>;
  readonly welcomed: Promise<void>;
  readonly job: string;
  welcome: unknown;
  #view: View | undefined;
  #peers: Peers | undefined;
  readonly #options: NamedOptions;
  readonly #platform: Platform;
  readonly #hub: Connection;
  readonly #clock = new HubClock((id) => this.#tell({ kind: 'ping', id }));
  #inbox: unknown[] = [];
  #listener: ((value: unknown) => void) | undefined;
  #onGone: ((rank: number) => void) | undefined;
  readonly #gone = new Set<number>();
  #deadline: ReturnType<typeof setTimeout> | undefined;
  #isEnded = false;
  #isClosing = false;
  #resolveWelcomed!: () => void;
  #resolveComplete: (() => void) | undefined;
  #resolveEnded!: (error: Error | undefined) => void;

  constructor(options: NamedOptions, platform: Platform, { connection, job }: Entered) {
    this.name = options.name;
    this.job = job;
    this.#options = options;
    this.#platform = platform;
    this.ended = new Promise((resolve) => (this.#resolveEnded = resolve));
    this.welcomed = this.#unlessEnded((resolve) => (this.#resolveWelcomed = resolve));
    this.#hub = connection;
    this.#expect(options.timeoutMs ?? 10_000, 'connect: expected a welcome');
    void this.#hub.ended.then((end) => this.#end(this.#reasonOf(end)));
    this.#hub.read((frame) => this.#read(frame));
  }

  async introduce({ addresses, timeoutMs = 120_000 }: Introduction = {}): Promise<Session> {
    if (this.#resolveComplete) throw new Error('connect: expected one introduction, got a second one');
    const { host = this.#platform.host } = this.#options;
    const complete = this.#unlessEnded((resolve) => (this.#resolveComplete = resolve));
    this.#tell({ kind: 'introduce', host, addresses: { ...this.#platform.listener?.addresses, ...addresses } });
    this.#expect(timeoutMs, 'connect: expected all workers to join');
    await complete;
    return this;
  }

  get view(): View {
    return this.#view!;
  }

  get rank(): number {
    return rankOf(this.view, this.name);
  }

  get size(): number {
    return this.view.members.length;
  }

  get transport(): Transport {
    const peers = this.#peers!;
    return {
      rank: this.rank,
      size: this.size,
      send: (to, tag, bytes) => peers.send(to, tag, bytes),
      recv: (from, tag, into) => peers.recv(from, tag, into),
      close: () => this.close(),
    };
  }

  send(value: unknown): void {
    this.#tell({ kind: 'value', value });
  }

  onMessage(listener: (value: unknown) => void): void {
    this.#listener = listener;
    for (const value of this.#inbox.splice(0)) listener(value);
  }

  onGone(listener: (rank: number) => void): void {
    this.#onGone = listener;
    for (const rank of this.#gone) listener(rank);
  }

  clockOffset(): Promise<number> {
    return Promise.race([this.#clock.offset(), this.#lost()]);
  }

  traffic(rank: number): Traffic {
    return this.#peers!.traffic(rank);
  }

  /** What was sent to the others has arrived before the hub tells them that this worker has left. */
  async close(): Promise<void> {
    if (!this.#isClosing && !this.#isEnded) {
      this.#isClosing = true;
      this.#expect(closeTimeoutMs, 'connect: expected a farewell to be answered');
      await this.#peers?.close();
      this.#tell({ kind: 'leave' });
      await this.#hub.close(closeCode.normal, 'leave');
    }
    await this.ended;
  }

  abort(): void {
    this.#hub.terminate();
    this.#end(new PeerLostError('hub', 'transport: aborted'));
  }

  #read(frame: Frame): void {
    if (isRankFrame(frame)) this.#peers?.deliver(frame);
    else if (frame.kind === 'control') this.#handle(decodeControl(payloadOf(frame)));
    else throw new ProtocolError(`connect: expected no ${frame.kind} frame from a hub`);
  }

  #handle(message: ControlMessage): void {
    if (message.kind === 'welcome') this.#sit(message.value);
    else if (message.kind === 'view') this.#take(message.view);
    else if (message.kind === 'gone') this.#lose(message);
    else if (message.kind === 'value') this.#hand(message.value);
    else if (message.kind === 'pong') this.#clock.answer(message.id, message.at);
  }

  #sit(value: unknown): void {
    clearTimeout(this.#deadline);
    this.welcome = value;
    this.#resolveWelcomed();
  }

  #take(view: View): void {
    const rank = rankOf(view, this.name);
    if (this.#view || !this.#resolveComplete || rank < 0)
      throw new ProtocolError('connect: expected one view with this worker in it');
    clearTimeout(this.#deadline);
    this.#view = view;
    this.#peers = new Peers({
      rank,
      size: view.members.length,
      epoch: view.epoch,
      relay: this.#hub.outbox,
      dial: (peer) => this.#dial(peer),
      log: (line) => this.#options.log?.(`${this.name}: ${line}`),
    });
    this.#letIn();
    this.#resolveComplete();
  }

  #letIn(): void {
    const { name, job } = this;
    const { token } = this.#options;
    const accept = (peer: string, connection: Connection): void =>
      this.#peers!.accept(rankOf(this.view, peer), connection);
    const keyOf = (peer: string): string | undefined => this.view.members[rankOf(this.view, peer)]?.addresses['ws-key'];
    this.#platform.listener?.open({ token, job, name, keyOf, accept });
  }

  #dial(rank: number): Promise<Connection> | undefined {
    const { url, token, timeoutMs = 10_000 } = this.#options;
    const { listener, open } = this.#platform;
    const member = this.view.members[rank]!;
    const address = listener && peerAddress(member, { isSecure: url.startsWith('wss:') });
    if (!address) return undefined;
    const shared = listener.agree(address.publicKey);
    if (!shared) throw new ProtocolError('expected a public key, got other bytes');
    const entering = enter({
      ...this.#options,
      token,
      shared,
      job: this.job,
      purpose: `worker ${member.name}`,
      open: () => open(address.url, address.fingerprint),
      timeoutMs,
      expected: 'expected an answer',
      reasonOf: refusalOf,
    });
    return entering.then(({ connection }) => connection);
  }

  #lose({ epoch, rank }: { epoch: number; rank: number }): void {
    if (epoch !== this.#view?.epoch || rank >= this.size || rank === this.rank) return;
    this.#gone.add(rank);
    this.#peers!.lose(rank);
    this.#onGone?.(rank);
  }

  #hand(value: unknown): void {
    if (this.#listener) this.#listener(value);
    else this.#inbox.push(value);
  }

  #tell(message: ControlMessage): void {
    this.#hub.outbox.post(encodeControl(message));
  }

  /** A promise that the end of the connection rejects. */
  #unlessEnded(begin: (resolve: () => void) => void): Promise<void> {
    return Promise.race([new Promise<void>(begin), this.#lost()]);
  }

  #lost(): Promise<never> {
    return this.ended.then((error) => Promise.reject(error ?? new Error('connect: closed')));
  }

  #expect(ms: number, what: string): void {
    clearTimeout(this.#deadline);
    const late = (): void => this.#end(new TimeoutError(`${what} within ${ms} ms, got no answer`));
    this.#deadline = setTimeout(late, ms);
  }

  #reasonOf(end: ConnectionEnd): Error | undefined {
    return this.#isClosing && !end.error && end.code === closeCode.normal
      ? undefined
      : reasonOf(end, this.#options.url);
  }

  #end(error: Error | undefined): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    clearTimeout(this.#deadline);
    this.#clock.end();
    this.#peers?.fail(error ?? new Error('transport: closed'));
    if (!this.#hub.isEnded) void this.#hub.close();
    void this.#platform.listener?.close();
    this.#resolveEnded(error);
  }
}
