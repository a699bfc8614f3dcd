// A WebSocket server on a port, over TLS where it is given a certificate. Who may come in is decided in door.ts.

import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { ConfigError } from '../errors.ts';
import { type Certificate, fingerprintOf } from './certificate.ts';
import { readInto, ReadMemory } from './kept-reads.ts';
import { NodeSocket, socketOptions } from './node-socket.ts';

export interface ServerOptions {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  readonly tls?: Certificate | undefined;
  /** Whether the process may end while it listens and has connections. */
  readonly background?: boolean;
  /** Whether messages may come in memory that is used again: whoever gets one copies what is to outlive the event. */
  readonly keepsReads?: boolean;
}

export interface OpenServer {
  readonly url: string;
  readonly port: number;
  /** SHA-256 of the certificate in hex, where there is one. */
  readonly fingerprint?: string;
  /** Sets who gets connections; those that came before are given at once. */
  onConnection(listener: (socket: NodeSocket) => void): void;
  close(): Promise<void>;
}

/** Throws `ConfigError` when the port is in use, or the certificate and its key are none. */
export async function openServer({ host, port, tls, ...options }: ServerOptions): Promise<OpenServer> {
  const fingerprint = tls && checked(() => fingerprintOf(tls));
  const server = tls ? checked(() => createTlsServer({ ...tls })) : createServer();
  const sockets = new WebSocketServer({
    noServer: true,
    ...socketOptions,
    WebSocket: NodeSocket as unknown as typeof WebSocket,
  });
  const onConnection = upgradeConnections(server, sockets, options);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(openingError(error, { host, port })));
    server.listen({ host, port }, resolve);
  });
  if (options.background) server.unref();
  const { port: chosen } = server.address() as AddressInfo;
  return {
    port: chosen,
    url: `${tls ? 'wss' : 'ws'}://${host.includes(':') ? `[${host}]` : host}:${chosen}`,
    ...(fingerprint !== undefined && { fingerprint }),
    onConnection,
    close: () => closeServer(server, sockets),
  };
}

type Accepted = Pick<ServerOptions, 'background' | 'keepsReads'>;

/** Makes WebSockets of what comes in, and holds them until somebody takes them. */
function upgradeConnections(
  server: Server,
  sockets: WebSocketServer,
  { background = false, keepsReads = false }: Accepted,
): OpenServer['onConnection'] {
  const early: NodeSocket[] = [];
  let take = (socket: NodeSocket): void => void early.push(socket);
  server.on('upgrade', (request, accepted: Socket, head) => {
    // What TLS has decrypted comes in memory of its own.
    const reads = keepsReads && !('encrypted' in accepted) ? new ReadMemory() : undefined;
    const wire = reads ? readInto(reads, accepted) : accepted;
    if (background) wire.unref();
    sockets.handleUpgrade(request, wire, head, (socket) => take((socket as NodeSocket).over(wire, reads)));
  });
  return (listener) => {
    take = listener;
    early.splice(0).forEach(listener);
  };
}

function closeServer(server: Server, sockets: WebSocketServer): Promise<void> {
  sockets.close();
  for (const socket of sockets.clients) socket.terminate(); // those that nobody was given
  server.closeAllConnections(); // those that never became a WebSocket
  return new Promise((resolve) => server.close(() => resolve()));
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
