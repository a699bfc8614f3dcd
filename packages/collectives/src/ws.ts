// The WebSocket bridge as a worker sees it, in Node and in a browser: one connection to the job's hub, which passes
// frames on to the other workers and carries what the run and its launcher tell each other.

import { closeCode } from './close-code.ts';
import { type ControlMessage, decodeControl, encodeControl } from './control.ts';
import { ConfigError, PeerLostError, ProtocolError, TimeoutError } from './errors.ts';
import { decodeFrame, encodeFrame, type Frame } from './frame.ts';
import { Mailbox } from './mailbox.ts';
import { Outbox, type OutboxOptions } from './outbox.ts';
import { prove } from './proof.ts';
import type { SocketClass, SocketLike } from './socket.ts';
import { checkPeer, type Transport } from './transport.ts';
import { rankOf, type View } from './view.ts';

export interface ConnectOptions extends OutboxOptions {
  /** Where the hub listens: ws://host:port. */
  readonly url: string;
  /** The job's token. It never leaves this process: the hub gets a proof of it. */
  readonly token: string;
  /** Unique within the job; ranks follow the order of names, the shorter first. Drawn at random by default. */
  readonly name?: string;
  /** How long the hub may take to accept. */
  readonly timeoutMs?: number;
  /** How long the job may take to be complete after that. */
  readonly viewTimeoutMs?: number;
  readonly WebSocket?: SocketClass;
}

/** A worker's place in a job. */
export interface Session {
  readonly name: string;
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
  /** Resolves when the connection has ended: with the reason, or with nothing after `close`. */
  readonly ended: Promise<Error | undefined>;
  /** Leaves when all that was sent has gone out. */
  close(): Promise<void>;
}

/** After this a farewell that the hub does not answer is given up. */
const closeTimeoutMs = 5_000;

/**
 * Joins a job, and resolves when it is complete, that is when the hub has published its view.
 *
 * Throws `ConfigError` (wrong token, name taken, job full), `TimeoutError`, `ProtocolError`, or `PeerLostError` when
 * no hub answers or it goes away.
 */
export async function connect(options: ConnectOptions): Promise<Session> {
  const session = new HubSession(options);
  await session.complete;
  return session;
}

class HubSession implements Session {
  readonly name: string;
  readonly ended: Promise<Error | undefined>;
  readonly complete: Promise<void>;
  welcome: unknown;
  #view: View | undefined;
  readonly #options: ConnectOptions;
  readonly #socket: SocketLike;
  readonly #outbox: Outbox;
  readonly #mailbox = new Mailbox();
  readonly #gone = new Set<number>();
  #inbox: unknown[] = [];
  #listener: ((value: unknown) => void) | undefined;
  #deadline: ReturnType<typeof setTimeout> | undefined;
  #isOpen = false;
  #isEnded = false;
  #isClosing = false;
  #resolveComplete!: () => void;
  #resolveEnded!: (error: Error | undefined) => void;

  constructor(options: ConnectOptions) {
    const { url, name = crypto.randomUUID(), timeoutMs = 10_000, WebSocket: Socket = globalThis.WebSocket } = options;
    this.name = name;
    this.#options = options;
    this.ended = new Promise((resolve) => (this.#resolveEnded = resolve));
    this.complete = new Promise((resolve, reject) => {
      this.#resolveComplete = resolve;
      void this.ended.then((error) => reject(error ?? new Error('connect: closed')));
    });
    this.#socket = new Socket(url);
    this.#outbox = new Outbox(this.#socket, options);
    this.#expect(timeoutMs, `connect: expected ${url} to accept`);
    this.#listen();
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
    return { rank: this.rank, size: this.size, send: this.#sendData, recv: this.#recvData, close: () => this.close() };
  }

  send(value: unknown): void {
    this.#outbox.post(encodeControl({ kind: 'value', value }));
  }

  onMessage(listener: (value: unknown) => void): void {
    this.#listener = listener;
    for (const value of this.#inbox.splice(0)) listener(value);
  }

  async close(): Promise<void> {
    if (!this.#isClosing && !this.#isEnded) {
      this.#isClosing = true;
      this.#deadline = setTimeout(() => this.#end(undefined), closeTimeoutMs);
      await this.#outbox.drained();
      this.#outbox.post(encodeControl({ kind: 'leave' }));
      this.#socket.close(closeCode.normal, 'leave');
    }
    await this.ended;
  }

  #listen(): void {
    const { url } = this.#options;
    if (this.#socket.binaryType === 'blob') this.#socket.binaryType = 'arraybuffer';
    this.#socket.addEventListener('open', () => (this.#isOpen = true));
    this.#socket.addEventListener('error', () => {}); // a close event follows
    this.#socket.addEventListener('message', ({ data }) => this.#guard(() => this.#read(data)));
    this.#socket.addEventListener('close', ({ code, reason }) => {
      const expected = this.#isClosing && code === closeCode.normal;
      this.#end(
        expected
          ? undefined
          : this.#isOpen
            ? reasonOf(code, reason)
            : new PeerLostError('hub', `connect: no hub answers at ${url}`),
      );
    });
  }

  /** Runs what bytes from the wire lead to; where they break the protocol, the connection ends. */
  #guard(action: () => void): void {
    if (this.#isEnded) return;
    try {
      action();
    } catch (error) {
      this.#end(error as Error);
    }
  }

  #read(data: unknown): void {
    const frame = decodeFrame(bytesOfMessage(data));
    if (frame.kind === 'data') this.#deliver(frame);
    else if (frame.kind === 'control') this.#obey(decodeControl(frame.payload));
    else if (frame.kind === 'challenge') void this.#answer(frame.payload);
    else throw new ProtocolError(`connect: expected no ${frame.kind} frame from a hub`);
  }

  async #answer(nonce: Uint8Array): Promise<void> {
    try {
      const proof = await prove(this.#options.token, nonce, this.name);
      this.#outbox.post(encodeFrame('proof', proof));
    } catch (error) {
      this.#end(error as Error);
    }
  }

  #obey(message: ControlMessage): void {
    if (message.kind === 'welcome') this.#accepted(message.value);
    else if (message.kind === 'view') this.#enter(message.view);
    else if (message.kind === 'gone') this.#lose(message);
    else if (message.kind === 'value') this.#hand(message.value);
  }

  #accepted(value: unknown): void {
    this.welcome = value;
    this.#expect(this.#options.viewTimeoutMs ?? 120_000, 'connect: expected all workers to join');
  }

  #enter(view: View): void {
    if (this.#view || rankOf(view, this.name) < 0)
      throw new ProtocolError('connect: expected one view with this worker in it');
    clearTimeout(this.#deadline);
    this.#view = view;
    this.#resolveComplete();
  }

  #lose({ epoch, rank }: { epoch: number; rank: number }): void {
    if (epoch !== this.#view?.epoch) return;
    const error = new PeerLostError(rank);
    this.#gone.add(rank);
    this.#mailbox.lose(rank, error);
    this.#outbox.fail(error, rank);
  }

  #hand(value: unknown): void {
    if (this.#listener) this.#listener(value);
    else this.#inbox.push(value);
  }

  #deliver(frame: Frame): void {
    if (frame.epoch !== this.#view?.epoch) return;
    if (frame.to !== this.rank)
      throw new ProtocolError(`connect: expected frames for rank ${this.rank}, got one for ${frame.to}`);
    checkPeer(frame.from, this);
    this.#mailbox.deliver(frame);
  }

  readonly #sendData = async (to: number, tag: number, bytes: Uint8Array): Promise<void> => {
    checkPeer(to, this);
    if (this.#gone.has(to)) throw new PeerLostError(to);
    await this.#outbox.send({ epoch: this.view.epoch, from: this.rank, to, tag }, bytes);
  };

  readonly #recvData = async (from: number, tag: number, into: Uint8Array): Promise<void> => {
    checkPeer(from, this);
    await this.#mailbox.recv(from, tag, into);
  };

  #expect(ms: number, what: string): void {
    clearTimeout(this.#deadline);
    this.#deadline = setTimeout(() => this.#end(new TimeoutError(`${what} within ${ms} ms, got no answer`)), ms);
  }

  #end(error: Error | undefined): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    clearTimeout(this.#deadline);
    const rest = error ?? new Error('transport: closed');
    this.#outbox.fail(rest);
    this.#mailbox.close(rest);
    this.#socket.close(error instanceof ProtocolError ? error.closeCode : closeCode.normal);
    this.#resolveEnded(error);
  }
}

function bytesOfMessage(data: unknown): Uint8Array {
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  if (data instanceof Uint8Array) return data;
  throw new ProtocolError(`connect: expected binary messages, got ${typeof data}`);
}

function reasonOf(code: number, reason: string): Error {
  if (code === closeCode.wrongToken)
    return new ConfigError(`connect: expected the job's token, got another\nhint: each job has its own`);
  if (code === closeCode.full || code === closeCode.nameTaken) return new ConfigError(`connect: ${reason}`);
  if (code === closeCode.wrongVersion)
    return new ConfigError(`connect: ${reason}\nhint: hub and worker are of different releases`);
  if (code === closeCode.malformed || code === closeCode.flood || code === closeCode.tooBig)
    return new ProtocolError(`connect: ${reason}`, code);
  if (code === closeCode.deadline) return new TimeoutError(`connect: ${reason}`);
  return new PeerLostError('hub', `hub: the connection is lost (${code}${reason && `, ${reason}`})`);
}
