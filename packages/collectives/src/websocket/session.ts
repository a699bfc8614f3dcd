// A worker's place in a job, in Node and in a browser: its connection to the hub, over which it learns who the others are
// and exchanges values with the launcher. How messages reach the others is decided in peers.ts.

import { closeCode } from '../close-code.ts';
import { Connection, type ConnectionEnd } from './connection.ts';
import { type ControlMessage, decodeControl, encodeControl } from './control.ts';
import { shakeHands } from './dial.ts';
import { ConfigError, PeerLostError, ProtocolError, TimeoutError } from '../errors.ts';
import { type Frame, isRankFrame, payloadOf } from './frame.ts';
import type { OutboxOptions } from './outbox.ts';
import { Peers, type Traffic } from './peers.ts';
import type { OpenSocket } from './socket.ts';
import type { Transport } from '../transport.ts';
import { rankOf, type View } from '../view.ts';

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

/** A worker's place in a job. */
export interface Session {
  readonly name: string;
  /** The job's public id. */
  readonly job: string;
  readonly view: View;
  readonly rank: number;
  readonly size: number;
  readonly transport: Transport;
  /** What the launcher gives to every worker on joining. */
  readonly welcome: unknown;
  /** Sends a value to the launcher: anything msgpack knows, up to 1 MiB. */
  send(value: unknown): void;
  /** Sets who gets the launcher's values; those that came before are delivered at once. */
  onMessage(listener: (value: unknown) => void): void;
  /** Sets who hears that the hub has lost a rank, or that it has left; other bridges need to know. */
  onGone(listener: (rank: number) => void): void;
  /** Milliseconds to add to `performance.timeOrigin + performance.now()` to get the hub's clock: of some asks, the quickest. */
  clockOffset(): Promise<number>;
  /** What is in flight between this worker and `rank`. */
  traffic(rank: number): Traffic;
  /** Resolves when the connection to the hub has ended: with the reason, or with nothing after `close`. */
  readonly ended: Promise<Error | undefined>;
  /** Leaves when all that was sent has gone out. */
  close(): Promise<void>;
  /** Ends at once, as a crash would. */
  abort(): void;
}

/** Where other workers can open connections to this one. */
export interface PeerListener {
  readonly addresses: Readonly<Record<string, string>>;
  /** Lets others in from now on: those who know `token`, by their names. What `accept` throws refuses one. */
  open(options: {
    token: string;
    job: string;
    name: string;
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
const clockRounds = 8;

/**
 * Joins a job, and resolves when it is complete, that is when the hub has published its view.
 *
 * Throws `ConfigError` (wrong token, wrong job, another certificate, name taken, job full), `TimeoutError`,
 * `ProtocolError`, or `PeerLostError` when no hub answers or it goes away.
 */
export async function join(options: ConnectOptions, platform: Platform): Promise<Session> {
  const session = new HubSession(options, platform);
  await session.complete;
  return session;
}

class HubSession implements Session {
  readonly name: string;
  readonly ended: Promise<Error | undefined>;
  readonly complete: Promise<void>;
  job = '';
  welcome: unknown;
  #view: View | undefined;
  #peers: Peers | undefined;
  readonly #options: ConnectOptions;
  readonly #platform: Platform;
  readonly #hub: Connection;
  readonly #pings = new Map<number, (hubTime: number) => void>();
  #asked = 0;
  #inbox: unknown[] = [];
  #listener: ((value: unknown) => void) | undefined;
  #onGone: ((rank: number) => void) | undefined;
  readonly #gone = new Set<number>();
  #deadline: ReturnType<typeof setTimeout> | undefined;
  #isEnded = false;
  #isClosing = false;
  #resolveComplete!: () => void;
  #resolveEnded!: (error: Error | undefined) => void;

  constructor(options: ConnectOptions, platform: Platform) {
    const { url, name = crypto.randomUUID(), fingerprint, timeoutMs = 10_000 } = options;
    this.name = name;
    this.#options = options;
    this.#platform = platform;
    this.ended = new Promise((resolve) => (this.#resolveEnded = resolve));
    this.complete = new Promise((resolve, reject) => {
      this.#resolveComplete = resolve;
      void this.ended.then((error) => reject(error ?? new Error('connect: closed')));
    });
    this.#hub = new Connection(platform.open(url, fingerprint), options);
    this.#expect(timeoutMs, `connect: expected ${url} to accept`);
    void this.#hub.ended.then((end) => this.#end(this.#reasonOf(end)));
    void this.#enterJob();
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

  async clockOffset(): Promise<number> {
    let best = { roundTrip: Infinity, offset: 0 };
    for (let id = 0; id < clockRounds; id++) {
      const sent = now();
      const hubTime = await this.#ping();
      const roundTrip = now() - sent;
      if (roundTrip < best.roundTrip) best = { roundTrip, offset: hubTime - (sent + roundTrip / 2) };
    }
    return best.offset;
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

  async #enterJob(): Promise<void> {
    const { token, job } = this.#options;
    try {
      this.job = await shakeHands(this.#hub, { token, job, name: this.name, purpose: 'hub' });
      this.#hub.read((frame) => this.#read(frame));
    } catch (error) {
      if (!this.#hub.isEnded) this.#hub.refuse(error as Error);
    }
  }

  #read(frame: Frame): void {
    if (isRankFrame(frame)) this.#peers?.deliver(frame);
    else if (frame.kind === 'control') this.#obey(decodeControl(payloadOf(frame)));
    else throw new ProtocolError(`connect: expected no ${frame.kind} frame from a hub`);
  }

  #obey(message: ControlMessage): void {
    if (message.kind === 'welcome') this.#introduce(message.value);
    else if (message.kind === 'view') this.#take(message.view);
    else if (message.kind === 'gone') this.#lose(message);
    else if (message.kind === 'value') this.#hand(message.value);
    else if (message.kind === 'pong') this.#pings.get(message.id)?.(message.at);
  }

  #introduce(value: unknown): void {
    const { host = this.#platform.host, addresses, viewTimeoutMs = 120_000 } = this.#options;
    this.welcome = value;
    this.#tell({ kind: 'introduce', host, addresses: { ...this.#platform.listener?.addresses, ...addresses } });
    this.#expect(viewTimeoutMs, 'connect: expected all workers to join');
  }

  #take(view: View): void {
    const rank = rankOf(view, this.name);
    if (this.#view || rank < 0) throw new ProtocolError('connect: expected one view with this worker in it');
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
    const accept = (peer: string, connection: Connection): void =>
      this.#peers!.accept(rankOf(this.view, peer), connection);
    this.#platform.listener?.open({ token: this.#options.token, job, name, accept });
  }

  #dial(rank: number): Promise<Connection> | undefined {
    const { name, addresses } = this.view.members[rank]!;
    const url = addresses['ws'];
    if (url === undefined || !this.#platform.listener) return undefined;
    const connection = new Connection(this.#platform.open(url, addresses['ws-fingerprint']), this.#options);
    return this.#proved(connection, name);
  }

  async #proved(connection: Connection, peer: string): Promise<Connection> {
    const { token, timeoutMs = 10_000 } = this.#options;
    const timer = setTimeout(() => connection.refuse(new TimeoutError(`no answer within ${timeoutMs} ms`)), timeoutMs);
    try {
      await shakeHands(connection, { token, job: this.job, name: this.name, purpose: `worker ${peer}` });
      return connection;
    } catch (error) {
      connection.terminate();
      throw connection.isEnded ? refusalOf(await connection.ended) : error;
    } finally {
      clearTimeout(timer);
    }
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

  /** The hub's time. */
  async #ping(): Promise<number> {
    const id = this.#asked++;
    const answer = new Promise<number>((resolve) => this.#pings.set(id, resolve));
    this.#tell({ kind: 'ping', id });
    const lost = this.ended.then((error) => Promise.reject(error ?? new Error('connect: closed')));
    return Promise.race([answer, lost]).finally(() => this.#pings.delete(id));
  }

  #expect(ms: number, what: string): void {
    clearTimeout(this.#deadline);
    const late = (): void => this.#end(new TimeoutError(`${what} within ${ms} ms, got no answer`));
    this.#deadline = setTimeout(late, ms);
  }

  #reasonOf(end: ConnectionEnd): Error | undefined {
    if (end.error && end.wasOpen) return end.error;
    if (this.#isClosing && end.code === closeCode.normal) return undefined;
    return end.wasOpen ? refusalOf(end) : noHub(this.#options.url, end.error);
  }

  #end(error: Error | undefined): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    clearTimeout(this.#deadline);
    this.#peers?.fail(error ?? new Error('transport: closed'));
    if (!this.#hub.isEnded) void this.#hub.close();
    void this.#platform.listener?.close();
    this.#resolveEnded(error);
  }
}

const now = (): number => performance.timeOrigin + performance.now();

/** Why there is no connection. The codes are OpenSSL's. */
function noHub(url: string, error?: Error & { readonly code?: string }): Error {
  if (error instanceof ConfigError) return error;
  if (/CERT|SIGNATURE/.test(error?.code ?? ''))
    return new ConfigError(
      `connect: expected a certificate that an authority has signed at ${url}, got ${error!.code}\nhint: one made for the job is pinned by its fingerprint`,
    );
  return new PeerLostError('hub', `connect: no hub answers at ${url}`);
}

/** What it means that the other side has closed a connection. */
function refusalOf({ code, reason, error }: ConnectionEnd): Error {
  if (error) return error;
  if (code === closeCode.wrongToken)
    return new ConfigError(`connect: expected the job's token, got another\nhint: each job has its own`);
  if (code === closeCode.full || code === closeCode.nameTaken || code === closeCode.wrongJob)
    return new ConfigError(`connect: ${reason}`);
  if (code === closeCode.wrongVersion)
    return new ConfigError(`connect: ${reason}\nhint: hub and worker are of different releases`);
  if (code === closeCode.malformed || code === closeCode.flood || code === closeCode.tooBig)
    return new ProtocolError(`connect: ${reason}`, code);
  if (code === closeCode.deadline) return new TimeoutError(`connect: ${reason}`);
  return new PeerLostError('hub', `hub: the connection is lost (${code}${reason && `, ${reason}`})`);
}
