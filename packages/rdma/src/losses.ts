// How failures are said, in the words of both threads, and how they get from one to the other.

import { MismatchError, PeerLostError, ProtocolError, TimeoutError } from '@lockstep/collectives/offload';
import { reason } from './messages.ts';

/** What another thread can be told of an error. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly peer?: number | 'hub';
  readonly ranks?: readonly [number, number];
}

const words: Record<number, string> = {
  [reason.left]: 'it has left',
  [reason.ended]: 'its process has ended',
  [reason.told]: 'the hub lost it',
  [reason.endpoint]: 'the connection broke',
  [reason.thread]: 'the thread of UCX has ended',
};

/** @param why a `reason`, or a status of UCX @param describe UCX's words */
export function lossOf(peer: number, why: number, describe: (status: number) => string): PeerLostError {
  return new PeerLostError(peer, `transport: rank ${peer} is gone: ${words[why] ?? describe(why)}`);
}

export function wrongLengthOf(
  peer: number,
  { expected, got }: { readonly expected: number; readonly got: number },
): ProtocolError {
  return new ProtocolError(`recv: expected ${expected} bytes from rank ${peer}, got ${got}`);
}

/** @returns what another thread can be told of it */
export function failureOf(error: unknown): Failure {
  if (!(error instanceof Error)) return { code: '', message: String(error) };
  const code = 'code' in error ? String(error.code) : '';
  const failure = { code, message: error.message };
  if (error instanceof PeerLostError) return { ...failure, peer: error.peer };
  if (error instanceof MismatchError) return { ...failure, ranks: error.ranks };
  return failure;
}

export function errorOf({ code, message, peer = 'hub', ranks = [0, 0] }: Failure): Error {
  if (code === 'PEER_LOST') return new PeerLostError(peer, message);
  if (code === 'MISMATCH') return new MismatchError(message, ranks);
  if (code === 'TIMEOUT') return new TimeoutError(message);
  return code === 'PROTOCOL' ? new ProtocolError(message) : new Error(message);
}
