// What it means to a worker that a connection has ended, or never was.
import { closeCode } from '../close-code.ts';
import { ConfigError, PeerLostError, TimeoutError } from '@lockstep/errors';
import { ProtocolError } from '../protocol-error.ts';
import type { ConnectionEnd } from './connection.ts';

/** Why a connection to the hub has ended, or never was. */
export function reasonOf(end: ConnectionEnd, url: string): Error {
  return end.wasOpen ? refusalOf(end) : noHub(url, end.error);
}

/** Why there is no connection. The codes are OpenSSL's. */
function noHub(url: string, error?: Error & { readonly code?: string }): Error {
  if (error instanceof ConfigError) return error;
  if (/CERT|SIGNATURE/.test(error?.code ?? ''))
    return new ConfigError(
      `connect: expected a certificate that an authority has signed at ${url}, got ${error!.code}\nhint: one made for the job is pinned by its fingerprint`,
    );
  return new PeerLostError('hub', `connect: no hub answers at ${url}`);
}

/** What it means that the other side has closed a connection. */
export function refusalOf({ code, reason, error }: ConnectionEnd): Error {
  if (error) return error;
  if (code === closeCode.wrongToken)
    return new ConfigError(`connect: expected the job's token, got another\nhint: each job has its own`);
  if (code === closeCode.full || code === closeCode.nameTaken || code === closeCode.wrongJob)
    return new ConfigError(`connect: ${reason}`);
  if (code === closeCode.wrongVersion)
    return new ConfigError(`connect: ${reason}\nhint: hub and worker are of different releases`);
  if (code === closeCode.malformed || code === closeCode.flood || code === closeCode.tooBig)
    return new ProtocolError(`connect: ${reason}`, code);
  if (code === closeCode.deadline) return new TimeoutError(`connect: ${reason}`);
  return new PeerLostError('hub', `hub: the connection is lost (${code}${reason && `, ${reason}`})`);
}
