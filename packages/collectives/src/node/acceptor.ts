// From a request to upgrade to a WebSocket, over the package `ws`. Whether the request is to be granted is not its business.

import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { readInto, ReadMemory } from './kept-reads.ts';
import { NodeSocket, socketOptions } from './node-socket.ts';

export interface AcceptorOptions {
  /** Whether the process may end while it has connections. */
  readonly background?: boolean;
  /** Whether messages may come in memory that is used again: whoever gets one copies what is to outlive the event. */
  readonly keepsReads?: boolean;
}

/** What an upgrade has to offer: the request, its socket, and the first bytes that came after it. */
export type Upgrade = readonly [request: IncomingMessage, accepted: Socket, head: Buffer];

export class Acceptor {
  readonly #options: AcceptorOptions;
  readonly #sockets = new WebSocketServer({
    noServer: true,
    ...socketOptions,
    WebSocket: NodeSocket as unknown as typeof WebSocket,
  });

  constructor(options: AcceptorOptions) {
    this.#options = options;
  }

  /** Gives the WebSocket to `take`, with the stream below it; answers by itself where none was asked for. */
  accept([request, accepted, head]: Upgrade, take: (socket: NodeSocket, wire: Socket) => void): void {
    const { background = false, keepsReads = false } = this.#options;
    // What TLS has decrypted comes in memory of its own.
    const reads = keepsReads && !('encrypted' in accepted) ? new ReadMemory() : undefined;
    const wire = reads ? readInto(reads, accepted) : accepted;
    if (background) wire.unref();
    this.#sockets.handleUpgrade(request, wire, head, (socket) => take((socket as NodeSocket).over(wire, reads), wire));
  }

  /** Takes no more, and ends all that are open. */
  close(): void {
    this.#sockets.close();
    for (const socket of this.#sockets.clients) socket.terminate();
  }
}
