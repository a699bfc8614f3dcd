// The errors of collectives and of the hub's protocol, each with a stable `code`.
// Loss and timeouts are results a run must handle; the others are bad input or bugs.

import { closeCode } from './close-code.ts';

/** A peer is gone, or the hub that carries the bytes to all of them. */
export class PeerLostError extends Error {
  override readonly name = 'PeerLostError';
  readonly code = 'PEER_LOST';
  /** The rank that was lost in the current view. */
  readonly peer: number | 'hub';

  constructor(peer: number | 'hub', message = `transport: rank ${peer} is gone`) {
    super(message);
    this.peer = peer;
  }
}

/** A wait passed its deadline. */
export class TimeoutError extends Error {
  override readonly name = 'TimeoutError';
  readonly code = 'TIMEOUT';
}

/** Bytes that break the protocol: a malformed frame, a message of an unexpected length, a flood. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
  readonly code = 'PROTOCOL';
  /** The WebSocket close code with which the offending connection is closed. */
  readonly closeCode: number;

  constructor(message: string, code: number = closeCode.malformed) {
    super(message);
    this.closeCode = code;
  }
}

/** What the user or launcher asked for cannot be had: a wrong token, a port in use, more workers than shards. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly code = 'CONFIG';
}

/** The ranks of a group did not make the same collective call: a bug in the script that calls them. */
export class MismatchError extends Error {
  override readonly name = 'MismatchError';
  readonly code = 'MISMATCH';
  /** Two ranks whose calls differ. */
  readonly ranks: readonly [number, number];

  constructor(message: string, ranks: readonly [number, number]) {
    super(message);
    this.ranks = ranks;
  }
}

/** A call of a group that can mean nothing: data of the wrong type or length, a rank or a tag that is none. */
export class ArgumentError extends RangeError {
  override readonly name = 'ArgumentError';
  readonly code = 'ARGUMENT';
}
