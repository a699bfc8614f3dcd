// What is seen of a server by those who speak HTTP: browsers first of all, and the pages in them. A page may be anybody's,
// so its origin has to be allowed; and a name that a page has had resolved to this machine (DNS rebinding) is not ours.

import { X509Certificate } from 'node:crypto';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Certificate } from './certificate.ts';

export interface GateOptions {
  /** Origins of pages that may connect, such as `http://127.0.0.1:8080`; none by default. */
  readonly origins?: readonly string[];
}

/** Why a request to become a WebSocket is refused, if it is. */
export type Gate = (request: IncomingMessage) => string | undefined;

export function createGate({ origins = [] }: GateOptions, certificate?: Certificate): Gate {
  const known = certificate && new X509Certificate(certificate.cert);
  const isOurs = (name: string): boolean =>
    name === 'localhost' || isIP(name) > 0 || known?.checkHost(name) !== undefined;
  return ({ headers: { host, origin } }) => {
    if (!isOurs(nameOf(host))) return `expected an address or localhost as Host, got ${quoted(host)}`;
    if (origin !== undefined && !origins.includes(origin)) return `expected no page, got one of ${quoted(origin)}`;
    return undefined;
  };
}

/** Answers whoever wants something else than a WebSocket, and has done with it. */
export function answerRequests(server: Server, gate: Gate): void {
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    response.writeHead(gate(request) === undefined ? 426 : 403, { connection: 'close', upgrade: 'websocket' });
    response.end(() => request.socket.destroySoon());
  });
}

export function refuseUpgrade(socket: Duplex): void {
  socket.on('error', () => socket.destroy()); // nobody else listens after an upgrade
  socket.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n', () => socket.destroy());
}

/** The host without its port, and an IPv6 address without its brackets. */
function nameOf(host = ''): string {
  return URL.canParse(`http://${host}`) ? new URL(`http://${host}`).hostname.replaceAll(/^\[|\]$/g, '') : '';
}

/** Headers hold what a terminal might obey. */
const quoted = (text = 'none'): string => (/^[!-~]{1,200}$/.test(text) ? text : 'another');
