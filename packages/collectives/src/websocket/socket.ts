// What the bridge needs of a WebSocket: the browser's own class has it, and so has that of the package `ws`.

import { ProtocolError } from '../protocol-error.ts';
import type { MessageBytes } from './frame.ts';
import type { NextTag } from './tags.ts';

export interface SocketLike {
  binaryType: string;
  readonly bufferedAmount: number;
  /** Takes a copy, as a browser does, or calls `written` when `data` may be reused. */
  send(data: Uint8Array<ArrayBuffer>, written?: () => void): void;
  /** Sends all as one message without copying it, where the platform can; no part is empty, and shared memory is welcome. */
  sendParts?(header: Uint8Array, parts: readonly Uint8Array[], written: () => void): void;
  /** Tags under a key that are there at once, where the platform can. */
  tags?(key: Uint8Array<ArrayBuffer>): NextTag;
  close(code?: number, reason?: string): void;
  /** Ends without a farewell; a browser cannot. */
  terminate?(): void;
  /** Stop and go on reading; a browser cannot. */
  pause?(): void;
  resume?(): void;
  addEventListener(
    type: 'open' | 'error',
    listener: (event: { readonly message?: string; readonly error?: unknown }) => void,
  ): void;
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void;
  addEventListener(type: 'close', listener: (event: { readonly code: number; readonly reason: string }) => void): void;
}

/** Opens a connection. One that pins takes only a server whose certificate has the given SHA-256. */
export type OpenSocket = (url: string, fingerprint?: string) => SocketLike;

/** The bytes of a message event. Throws `ProtocolError` for text. */
export function bytesOfMessage(data: unknown): MessageBytes {
  if (data instanceof Uint8Array) return data;
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  if (Array.isArray(data)) return data as Uint8Array[];
  throw new ProtocolError(`expected binary messages, got ${typeof data === 'string' ? 'text' : typeof data}`);
}
