// How failures are said, in the words of both threads, and how they get from one to the other.
// @ts-check

import { MismatchError, PeerLostError, ProtocolError, TimeoutError } from '@lockstep/collectives/offload';
import { reason } from './messages.mjs';

/** @type {Record<number, string>} */
const words = {
  [reason.left]: 'it has left',
  [reason.ended]: 'its process has ended',
  [reason.told]: 'the hub lost it',
  [reason.endpoint]: 'the connection broke',
  [reason.thread]: 'the thread of UCX has ended',
};

/**
 * @param {number} peer @param {number} why a `reason`, or a status of UCX
 * @param {(status: number) => string} describe UCX's words
 */
export function lossOf(peer, why, describe) {
  return new PeerLostError(peer, `transport: rank ${peer} is gone: ${words[why] ?? describe(why)}`);
}

/** @param {number} peer @param {{ expected: number, got: number }} lengths */
export function wrongLengthOf(peer, { expected, got }) {
  return new ProtocolError(`recv: expected ${expected} bytes from rank ${peer}, got ${got}`);
}

/** @typedef {{ code: string, message: string, peer?: number | 'hub', ranks?: readonly [number, number] }} Failure */

/** @param {Error & { code?: string }} error @returns {Failure} what another thread can be told of it */
export function failureOf(error) {
  const failure = { code: error.code ?? '', message: error.message };
  if (error instanceof PeerLostError) return { ...failure, peer: error.peer };
  if (error instanceof MismatchError) return { ...failure, ranks: error.ranks };
  return failure;
}

/** @param {Failure} failure @returns {Error} */
export function errorOf({ code, message, peer = 'hub', ranks = [0, 0] }) {
  if (code === 'PEER_LOST') return new PeerLostError(peer, message);
  if (code === 'MISMATCH') return new MismatchError(message, ranks);
  if (code === 'TIMEOUT') return new TimeoutError(message);
  return code === 'PROTOCOL' ? new ProtocolError(message) : new Error(message);
}
