// The hub of a job: the process where workers meet. It lets in who knows the token, publishes the view, passes data
// frames between workers that have no connection of their own, and carries values between the run and its launcher.
// Who is a member is decided in hub/membership.ts.

import type { AddressInfo } from 'node:net';
import {
  closeCode,
  ConfigError,
  type ControlMessage,
  decodeControl,
  decodeFrame,
  encodeControl,
  type Frame,
  maxFrameBytes,
  ProtocolError,
} from '@lockstep/collectives';
import { type WebSocket, WebSocketServer } from 'ws';
import { admit } from './hub/admission.ts';
import { advance, type Membership, type MembershipEffect, type MembershipEvent } from './hub/membership.ts';
import { Relay, type RelayOptions } from './hub/relay.ts';

export interface HubOptions extends RelayOptions {
  /** Workers that make the job complete. */
  readonly size: number;
  /** The job's secret: whoever knows it may join. */
  readonly token: string;
  /** On 127.0.0.1; 0 lets the system choose. */
  readonly port?: number;
  /** Given to each worker on joining: anything msgpack knows, up to 1 MiB. */
  readonly welcome?: unknown;
  /** A worker that has not proved the token by then is turned away. */
  readonly admissionTimeoutMs?: number;
  /** Gets what a worker sends with `session.send`. */
  onMessage?(member: string, value: unknown): void;
  /** A worker's connection ended without a farewell. */
  onLost?(member: string): void;
  /** Gets one line per connection that was turned away or cut off. */
  log?(line: string): void;
}

export interface Hub {
  readonly url: string;
  readonly port: number;
  /** Sends a value to every worker. */
  broadcast(value: unknown): void;
  close(): Promise<void>;
}

/** Connections that may wait at the door at once, beside the members. */
const maxStrangers = 64;
/** How long a connection may take to answer a close before it is cut. */
const closeTimeoutMs = 1_000;
/** WebSocket allows 123; a character that is cut becomes one of three bytes. */
const maxReasonBytes = 120;

/** Opens a hub on 127.0.0.1. Throws `ConfigError` when the port is in use. */
export async function startHub(options: HubOptions): Promise<Hub> {
  const { port = 0, token } = options;
  if (token === '') throw new ConfigError('hub: expected a token, got an empty one');
  const server = new WebSocketServer({ host: '127.0.0.1', port, perMessageDeflate: false, maxPayload: maxFrameBytes });
  await listening(server, port);
  return new WebSocketHub(server, options);
}

function listening(server: WebSocketServer, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('listening', resolve);
    server.once('error', (error: NodeJS.ErrnoException) => {
      const inUse = error.code === 'EADDRINUSE';
      reject(
        inUse
          ? new ConfigError(
              `hub: expected a free port, got ${port}, which is in use\nhint: port 0 lets the system choose`,
            )
          : error,
      );
    });
  });
}

class WebSocketHub implements Hub {
  readonly port: number;
  readonly url: string;
  readonly #server: WebSocketServer;
  readonly #options: HubOptions;
  readonly #relay: Relay;
  readonly #members = new Map<string, WebSocket>();
  readonly #welcome: Uint8Array;
  /** Connections that have had their line in the log. */
  readonly #logged = new WeakSet<WebSocket>();
  #membership: Membership;

  constructor(server: WebSocketServer, options: HubOptions) {
    this.#server = server;
    this.#options = options;
    this.#relay = new Relay(options);
    this.#welcome = encodeControl({ kind: 'welcome', value: options.welcome });
    this.#membership = { size: options.size, present: [] };
    this.port = (server.address() as AddressInfo).port;
    this.url = `ws://127.0.0.1:${this.port}`;
    server.on('connection', (socket) => void this.#receive(socket));
  }

  broadcast(value: unknown): void {
    this.#tell({ kind: 'value', value });
  }

  async close(): Promise<void> {
    this.#members.clear();
    for (const socket of this.#server.clients) this.#cut(socket, closeCode.hubClosed, 'the hub has closed');
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  /** Takes a new connection to the door; a refused one disturbs nobody. */
  async #receive(socket: WebSocket): Promise<void> {
    const { token, size, admissionTimeoutMs = 10_000 } = this.#options;
    let name: string | undefined;
    socket.on('error', (error) => this.#refuse(socket, new ProtocolError(`hub: ${error.message}`), name));
    try {
      if (this.#server.clients.size > size + maxStrangers)
        throw new ProtocolError('hub: too many connections', closeCode.full);
      name = await admit(socket, { token, timeoutMs: admissionTimeoutMs });
      this.#seat(name, socket);
    } catch (error) {
      this.#refuse(socket, error, name);
    }
  }

  #seat(name: string, socket: WebSocket): void {
    const refusal = this.#advance({ kind: 'joined', member: name }, socket);
    if (refusal) throw refusal;
    socket.on('close', () => this.#unseat('lost', name, socket));
    socket.on('message', (data: Buffer, isBinary: boolean) => {
      if (this.#members.get(name) !== socket) return;
      try {
        if (!isBinary) throw new ProtocolError('hub: expected binary messages, got text');
        this.#read(name, socket, data);
      } catch (error) {
        this.#refuse(socket, error, name);
      }
    });
  }

  #unseat(kind: 'left' | 'lost', name: string, socket: WebSocket): void {
    this.#relay.release(socket);
    if (this.#members.get(name) !== socket) return;
    this.#members.delete(name);
    this.#advance({ kind, member: name });
  }

  #read(name: string, socket: WebSocket, data: Buffer): void {
    const frame = decodeFrame(data);
    if (frame.kind === 'data') return this.#forward(name, socket, frame, data);
    if (frame.kind !== 'control') throw new ProtocolError(`hub: expected no ${frame.kind} frame from a member`);
    const message = decodeControl(frame.payload);
    if (message.kind === 'value') this.#options.onMessage?.(name, message.value);
    else if (message.kind === 'leave') this.#unseat('left', name, socket);
    else throw new ProtocolError(`hub: expected no ${message.kind} message from a member`);
  }

  /** Frames of another view, or to somebody who is gone, are dropped: their sender cannot have known yet. */
  #forward(name: string, socket: WebSocket, { epoch, from, to }: Frame, data: Buffer): void {
    const { view } = this.#membership;
    if (epoch !== view?.epoch) return;
    const target = view.members[to];
    if (view.members[from] !== name || target === undefined || target === name) {
      throw new ProtocolError(
        `hub: expected a frame from ${name} to another member, got one from rank ${from} to rank ${to}`,
      );
    }
    const reader = this.#members.get(target);
    if (reader) this.#relay.forward(data, { from: socket, to: reader });
  }

  /** Puts an event to the membership and carries out what follows. Returns why `socket` may not join. */
  #advance(event: MembershipEvent, socket?: WebSocket): ProtocolError | undefined {
    const { next, effects } = advance(this.#membership, event);
    this.#membership = next;
    for (const effect of effects) {
      if (effect.kind === 'refuse') return refusalOf(effect.why, event.member);
      this.#carryOut(effect, socket);
    }
    return undefined;
  }

  #carryOut(effect: Exclude<MembershipEffect, { kind: 'refuse' }>, socket?: WebSocket): void {
    if (effect.kind === 'welcome') {
      this.#members.set(effect.member, socket!);
      socket!.send(this.#welcome);
    } else if (effect.kind === 'publish') this.#tell({ kind: 'view', view: effect.view });
    else if (effect.kind === 'tellGone') this.#tell({ kind: 'gone', epoch: effect.epoch, rank: effect.rank });
    else this.#options.onLost?.(effect.member);
  }

  #tell(message: ControlMessage): void {
    const frame = encodeControl(message);
    for (const socket of this.#members.values()) socket.send(frame);
  }

  /** Closes a connection for what it sent, with one line in the log; if it was a member, it is lost. */
  #refuse(socket: WebSocket, error: unknown, name?: string): void {
    if (!(error instanceof ProtocolError)) throw error;
    if (!this.#logged.has(socket))
      this.#options.log?.(`hub: connection of ${name ?? 'a stranger'} ended: ${error.message}`);
    this.#logged.add(socket);
    this.#cut(socket, error.closeCode, error.message);
    if (name !== undefined) this.#unseat('lost', name, socket);
  }

  #cut(socket: WebSocket, code: number, reason: string): void {
    socket.resume(); // a paused socket would never see the answer
    socket.close(code, Buffer.from(reason).subarray(0, maxReasonBytes).toString());
    const timer = setTimeout(() => socket.terminate(), closeTimeoutMs);
    socket.once('close', () => clearTimeout(timer));
  }
}

function refusalOf(why: 'full' | 'nameTaken', member: string): ProtocolError {
  const text = why === 'full' ? 'the job is complete' : `the name ${member} is taken`;
  return new ProtocolError(`hub: ${text}`, closeCode[why]);
}
