// What is wrong with the bytes of a peer.
import { closeCode } from './close-code.ts';

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
