// The seam between collectives and wires. A transport moves bytes between ranks and knows nothing of
// reductions; what is written above it knows nothing of sockets.

import { ArgumentError } from '@lockstep/errors';

/**
 * Point-to-point messages among `size` ranks.
 *
 * A message is matched by (peer, tag); messages with one (peer, tag) arrive in the order they were sent. Messages
 * with other tags may overtake. Tags are integers from 0 to 2³² − 1. Nobody sends to itself.
 */
export interface Transport {
  readonly rank: number;
  readonly size: number;
  /**
   * Resolves when `bytes` may be reused, which says nothing of their arrival; a large message may wait for its `recv`, so
   * post both sides of an exchange before waiting for either. Rejects with `PeerLostError`.
   */
  send(to: number, tag: number, bytes: Uint8Array): Promise<void>;
  /**
   * Fills `into` exactly: a message of another length rejects with `ProtocolError`, and may end what goes on with that
   * peer. Rejects with `PeerLostError` when the peer is gone; what it had sent whole before can still be received.
   */
  recv(from: number, tag: number, into: Uint8Array): Promise<void>;
  /** Leaves. Calls still pending on this side reject; the other ranks see this one as gone. */
  close(): Promise<void>;
  /** Registered memory, where the fabric wants it. */
  allocate?(byteLength: number): Uint8Array;
}

/** For bridges: throws `ArgumentError` when `peer` is no other rank of the transport. */
export function checkPeer(peer: number, { rank, size }: Pick<Transport, 'rank' | 'size'>): void {
  if (Number.isInteger(peer) && peer >= 0 && peer < size && peer !== rank) return;
  throw new ArgumentError(`transport: expected a rank below ${size} other than ${rank}, got ${String(peer)}`);
}
