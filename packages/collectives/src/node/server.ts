// A WebSocket server on a port, over TLS where it is given a certificate. Who may come in is decided in door.ts.

import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { ConfigError } from '../errors.ts';
import { type Certificate, fingerprintOf } from './certificate.ts';
import { NodeSocket, socketOptions } from './node-socket.ts';

export interface ServerOptions {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  readonly tls?: Certificate | undefined;
  /** Whether the process may end while it listens and has connections. */
  readonly background?: boolean;
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
export async function openServer({ host, port, tls, background = false }: ServerOptions): Promise<OpenServer> {
  const fingerprint = tls && checked(() => fingerprintOf(tls));
  const server = tls ? checked(() => createTlsServer({ ...tls })) : createServer();
  const sockets = new WebSocketServer({
    server,
    ...socketOptions,
    WebSocket: NodeSocket as unknown as typeof WebSocket,
  });
  const onConnection = holdConnections(sockets, background);
  await new Promise<void>((resolve, reject) => {
    sockets.once('error', (error: NodeJS.ErrnoException) => reject(openingError(error, { host, port })));
    server.listen({ host, port }, resolve);
  });
  if (background) server.unref();
  const { port: chosen } = server.address() as AddressInfo;
  return {
    port: chosen,
    url: `${tls ? 'wss' : 'ws'}://${host.includes(':') ? `[${host}]` : host}:${chosen}`,
    ...(fingerprint !== undefined && { fingerprint }),
    onConnection,
    close: () => closeServer(server, sockets),
  };
}

function holdConnections(sockets: WebSocketServer, background: boolean): OpenServer['onConnection'] {
  const early: NodeSocket[] = [];
  let take = (socket: NodeSocket): void => void early.push(socket);
  sockets.on('connection', (socket, { socket: wire }) => {
    (socket as NodeSocket).wire = wire;
    if (background) wire.unref();
    take(socket as NodeSocket);
  });
  return (listener) => {
    take = listener;
    early.splice(0).forEach(listener);
  };
}

function closeServer(server: ReturnType<typeof createServer>, sockets: WebSocketServer): Promise<void> {
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
