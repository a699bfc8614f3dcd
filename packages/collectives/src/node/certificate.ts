// Certificates for `wss`: made for one job and pinned by their fingerprint, so that no authority is needed.

import { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';

export interface Certificate {
  /** PEM. */
  readonly cert: string;
  /** PEM, secret. */
  readonly key: string;
}

/** A new P-256 key and a certificate for it, valid for a year from yesterday: clocks differ. */
export async function makeCertificate(): Promise<Certificate> {
  const { generate } = await import('selfsigned'); // most jobs do without
  const notBeforeDate = new Date(Date.now() - 86_400_000);
  const name = [{ name: 'commonName', value: 'lockstep' }];
  const { cert, private: key } = await generate(name, {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    notBeforeDate,
  });
  return { cert, key };
}

/** SHA-256 of the certificate, in hex. */
export function fingerprintOf({ cert }: Certificate): string {
  return plain(new X509Certificate(cert).fingerprint256);
}

/** Whether the other side of a connection has the certificate of this fingerprint. Colons and case do not matter. */
export function sameFingerprint(socket: TLSSocket, fingerprint: string): boolean {
  const certificate = socket.getPeerX509Certificate?.();
  return certificate !== undefined && plain(certificate.fingerprint256) === plain(fingerprint);
}

const plain = (fingerprint: string): string => fingerprint.replaceAll(':', '').toLowerCase();
