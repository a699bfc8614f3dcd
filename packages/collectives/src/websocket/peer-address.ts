// What a member says of where it listens, which is another worker's word: checked before anybody dials there.

import { ProtocolError } from '../protocol-error.ts';
import type { Member } from '../view.ts';

export interface PeerAddress {
  readonly url: string;
  /** SHA-256 of the certificate in hex, under TLS. */
  readonly fingerprint?: string;
  /** The member's public key: see node/identity.ts. */
  readonly publicKey: string;
}

/**
 * The address of a member; undefined where only the hub can reach it.
 * @param isSecure whether the job's hub is reached over TLS: nobody is dialled without then.
 * @throws {ProtocolError} for what is no address of a worker.
 */
export function peerAddress({ addresses }: Member, { isSecure }: { isSecure: boolean }): PeerAddress | undefined {
  const { ws: url, 'ws-fingerprint': fingerprint, 'ws-key': publicKey } = addresses;
  if (url === undefined) return undefined;
  if (!isPlainUrl(url)) throw new ProtocolError('expected an address of ws[s]://host:port, got another');
  if (isSecure && !url.startsWith('wss:')) throw new ProtocolError('expected an address over TLS as the hub’s, got ws');
  if (url.startsWith('wss:') && !/^[0-9a-f]{64}$/.test(fingerprint ?? ''))
    throw new ProtocolError('expected the fingerprint of a certificate, got none');
  if (publicKey === undefined) throw new ProtocolError('expected a public key, got none');
  return { url, publicKey, ...(fingerprint !== undefined && { fingerprint }) };
}

/** Nothing but a host and a port: no credentials, no path, no query. */
function isPlainUrl(text: string): boolean {
  if (!/^wss?:\/\/[\w.:[\]-]{1,255}$/.test(text) || !URL.canParse(text)) return false;
  const { pathname, username, password, port } = new URL(text);
  return pathname === '/' && username === '' && password === '' && port !== '';
}
