// The certificate of a hub, as the command line asks for it.

import { X509Certificate, createPrivateKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Certificate } from '@lockstep/collectives/node';
import { ConfigError } from '@lockstep/trainer';

/** A certificate with its key, or one that is made for the job. */
export type HubTls = Certificate | 'self-signed';

export interface TlsFiles {
  readonly tls?: boolean;
  /** PEM files, both or none. */
  readonly tlsCert?: string;
  readonly tlsKey?: string;
}

/** Undefined where no TLS is asked for. Throws `ConfigError` for files that are not there or do not fit each other. */
export async function readHubTls({ tls, tlsCert, tlsKey }: TlsFiles): Promise<HubTls | undefined> {
  if (tlsCert === undefined && tlsKey === undefined) return tls ? 'self-signed' : undefined;
  if (tlsCert === undefined || tlsKey === undefined)
    throw new ConfigError('train: expected both --tls-cert and --tls-key, got one of them');
  const certificate = { cert: await read('--tls-cert', tlsCert), key: await read('--tls-key', tlsKey) };
  if (!fits(certificate))
    throw new ConfigError(`train: expected a certificate and its private key as PEM, got ${tlsCert} and ${tlsKey}`);
  return certificate;
}

async function read(option: string, file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new ConfigError(
      `train: expected a file for ${option}, got ${file} (${(error as NodeJS.ErrnoException).code})`,
    );
  }
}

function fits({ cert, key }: Certificate): boolean {
  try {
    return new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
  } catch {
    return false;
  }
}
