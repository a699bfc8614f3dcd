// A WebSocket in Node, over the package `ws`: no compression, no masks to compute, and a large payload is copied nowhere
// between the caller's memory and the system's. Used for both sides of a connection.

import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { WebSocket } from 'ws';
import { ConfigError } from '@lockstep/errors';
import { maxFrameBytes } from '../websocket/frame.ts';
import type { SocketLike } from '../websocket/socket.ts';
import { sameFingerprint } from './certificate.ts';
import type { NextTag } from '../websocket/tags.ts';
import type { ReadMemory } from './kept-reads.ts';
import { nodeTags } from './node-tags.ts';

/** Compression costs more than it saves on gradients. */
export const socketOptions: { perMessageDeflate: false; allowSynchronousEvents: true; maxPayload: number } = {
  perMessageDeflate: false,
  allowSynchronousEvents: true, // who gets a message copies it before the memory is read into again
  maxPayload: maxFrameBytes,
};

/**
 * A payload goes out in WebSocket frames of this size. The receiver is handed a frame as it lies in memory, and only one
 * that the end of a read has cut is put together, that is copied: longer frames mean fewer of them and more copied.
 */
const fragmentBytes = 32 * 1024;

const nothing = (): void => {};

export class NodeSocket extends WebSocket implements SocketLike {
  #wire: Socket | undefined;
  #reads: ReadMemory | undefined;

  constructor(...args: ConstructorParameters<typeof WebSocket>) {
    super(...args);
    this.binaryType = 'fragments';
  }

  /** Sets the stream below, with which many frames are written at once, and where its reads go, if that is kept. */
  over(wire: Socket, reads?: ReadMemory): this {
    this.#wire = wire;
    this.#reads = reads;
    if (reads) this.on('message', () => reads.release());
    return this;
  }

  /** Much may come from now on: the other side has proved who it is. */
  expectBulk(): void {
    this.#reads?.allowGrowth();
  }

  tags(key: Uint8Array): NextTag {
    return nodeTags(key);
  }

  /** Header and payload as one message. */
  sendParts(header: Uint8Array, parts: readonly Uint8Array[], written: () => void): void {
    this.#wire?.cork();
    this.send(header, { fin: parts.length === 0 }, parts.length === 0 ? written : nothing);
    for (const [i, part] of parts.entries()) this.#sendPart(part, i === parts.length - 1, written);
    this.#wire?.uncork();
  }

  #sendPart(part: Uint8Array, isLast: boolean, written: () => void): void {
    for (let at = 0; at < part.length; at += fragmentBytes) {
      const end = Math.min(at + fragmentBytes, part.length);
      const fin = isLast && end === part.length;
      this.send(part.subarray(at, end), { fin }, fin ? written : nothing);
    }
  }
}

export interface OpenSocketOptions {
  /** Only to the server that has this certificate, and without asking authorities. */
  readonly fingerprint?: string | undefined;
  /** Whether the process may end while it is open. */
  readonly background?: boolean;
}

/** Opens a connection. */
export function openSocket(url: string, { fingerprint, background = false }: OpenSocketOptions = {}): NodeSocket {
  const trust = fingerprint === undefined ? {} : { rejectUnauthorized: false };
  const socket = new NodeSocket(url, undefined, { ...socketOptions, ...trust, generateMask: zeroMask });
  socket.once('upgrade', ({ socket: wire }) => {
    socket.over(wire as Socket);
    if (background) wire.unref();
    if (fingerprint !== undefined && !sameFingerprint(wire as TLSSocket, fingerprint)) {
      socket.emit('error', wrongCertificate(url));
      socket.terminate();
    }
  });
  return socket;
}

/**
 * Masks protect proxies from scripts in browsers that choose their bytes (RFC 6455, 10.3). Between Lockstep's own
 * processes a mask of zeros costs nothing to apply.
 */
function zeroMask(mask: Buffer): void {
  mask.fill(0);
}

const wrongCertificate = (url: string): ConfigError =>
  new ConfigError(
    `connect: expected the pinned certificate at ${url}, got another\nhint: the fingerprint is printed where the job was started`,
  );
