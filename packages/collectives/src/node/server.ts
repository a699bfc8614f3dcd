// A WebSocket server on a port, over TLS where it is given a certificate. Whoever connects has a seat among strangers
// (strangers.ts) until the door (door.ts), which decides who may come in, has let it in.

import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { Acceptor, type AcceptorOptions, type Upgrade } from './acceptor.ts';
import { ConfigError } from '@lockstep/errors';
import { Connection } from '../websocket/connection.ts';
import type { OutboxOptions } from '../websocket/outbox.ts';
import { type Certificate, fingerprintOf } from './certificate.ts';
import { answerRequests, createGate, type Gate, type GateOptions, refuseUpgrade } from './http-gate.ts';
import type { NodeSocket } from './node-socket.ts';
import { StrangerLog } from './stranger-log.ts';
import { Strangers, type StrangersOptions } from './strangers.ts';

export interface ServerOptions extends StrangersOptions, GateOptions, AcceptorOptions, OutboxOptions {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  readonly tls?: Certificate | undefined;
  /** Whose server it is, in the log. */
  readonly who: string;
  /** Gets a line for each of the first strangers that are turned away, and then how many there were. */
  readonly log: (line: string) => void;
}

/** Somebody who has connected, and is a stranger until `admit` is called. */
export interface Arrival {
  readonly connection: Connection;
  /** What may come from now on has no other bounds than those of the protocol. */
  readonly admit: () => void;
}

export interface OpenServer {
  readonly url: string;
  readonly port: number;
  /** SHA-256 of the certificate in hex, where there is one. */
  readonly fingerprint?: string;
  readonly strangerLog: StrangerLog;
  /** Sets who gets connections; those that came before and are still there are given at once. */
  onConnection(listener: (arrival: Arrival) => void): void;
  close(): Promise<void>;
}

/** What a stranger may send: a request to upgrade, and a proof of the token. */
const [maxHeaderBytes, maxHeldBytes] = [8 * 1024, 1024];

/** Throws `ConfigError` when the port is in use, or the certificate and its key are none. */
export async function openServer(options: ServerOptions): Promise<OpenServer> {
  const { host, port, tls, who, log } = options;
  const fingerprint = tls && checked(() => fingerprintOf(tls));
  const limits = { maxHeaderSize: maxHeaderBytes };
  const server = tls ? checked(() => createTlsServer({ ...tls, ...limits })) : createServer(limits);
  const strangerLog = new StrangerLog(who, log);
  const reception = new Reception(server, options, strangerLog);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(openingError(error, { host, port })));
    server.listen({ host, port }, resolve);
  });
  // The system may fail to accept somebody, as for want of descriptors; the others do not notice.
  server.on('error', ({ message }) => strangerLog.line(`expected to accept a connection, got ${message}`));
  if (options.background) server.unref();
  const { port: chosen } = server.address() as AddressInfo;
  return {
    port: chosen,
    url: `${tls ? 'wss' : 'ws'}://${host.includes(':') ? `[${host}]` : host}:${chosen}`,
    ...(fingerprint !== undefined && { fingerprint }),
    strangerLog,
    onConnection: (listener) => reception.onConnection(listener),
    close: async () => {
      await reception.close();
      strangerLog.close();
    },
  };
}

/** Makes WebSockets of what comes in, and holds them until somebody takes them. */
class Reception {
  readonly #server: Server;
  readonly #options: ServerOptions;
  readonly #log: StrangerLog;
  readonly #gate: Gate;
  readonly #strangers: Strangers;
  readonly #acceptor: Acceptor;
  #early: Arrival[] = [];
  #listener: ((arrival: Arrival) => void) | undefined;

  constructor(server: Server, options: ServerOptions, log: StrangerLog) {
    this.#server = server;
    this.#options = options;
    this.#log = log;
    this.#gate = createGate(options, options.tls);
    this.#strangers = new Strangers(options);
    this.#acceptor = new Acceptor(options);
    server.on('connection', (socket: Socket) => {
      if (options.background) socket.unref(); // a stranger keeps no process running that has done its work
      this.#strangers.seat(socket);
    });
    answerRequests(server, this.#gate);
    server.on('upgrade', (...upgrade: Upgrade) => this.#upgrade(upgrade));
  }

  onConnection(listener: (arrival: Arrival) => void): void {
    this.#listener = listener;
    for (const arrival of this.#early.splice(0)) if (!arrival.connection.isEnded) listener(arrival);
  }

  close(): Promise<void> {
    this.#acceptor.close();
    this.#strangers.close();
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #upgrade(upgrade: Upgrade): void {
    const [request, socket] = upgrade;
    const objection = this.#gate(request);
    if (objection === undefined) return this.#acceptor.accept(upgrade, (...taken) => this.#take(...taken));
    this.#log.line(`connection of a stranger refused: ${objection}`);
    refuseUpgrade(socket);
  }

  /** From here on the connection bears whatever comes, also before anybody asks for it. */
  #take(socket: NodeSocket, wire: Socket): void {
    const connection = new Connection(socket, { ...this.#options, maxHeldBytes }, true);
    if (!this.#strangers.upgraded(wire, connection)) return connection.terminate();
    const admit = (): void => {
      this.#strangers.admitted(wire);
      socket.expectBulk();
    };
    if (this.#listener) return this.#listener({ connection, admit });
    this.#early = [...this.#early.filter((early) => !early.connection.isEnded), { connection, admit }];
  }
}

function checked<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    throw new ConfigError(
      `tls: expected a certificate and its key as PEM, got what cannot be used\nhint: ${(error as Error).message}`,
    );
  }
}

function openingError(error: NodeJS.ErrnoException, { host, port }: { host: string; port: number }): Error {
  if (error.code === 'EADDRINUSE')
    return new ConfigError(
      `hub: expected a free port, got ${port}, which is in use\nhint: port 0 lets the system choose`,
    );
  if (error.code === 'EADDRNOTAVAIL')
    return new ConfigError(`listen: expected an address of this machine, got ${host}`);
  return error;
}
