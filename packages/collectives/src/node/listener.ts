// Where the other workers open their connections to this one, on a port that the system chooses.

import type { PeerListener } from '../websocket/session.ts';
import { closeCode } from '../close-code.ts';
import type { OutboxOptions } from '../websocket/outbox.ts';
import type { Secret } from '../websocket/proof.ts';
import { makeCertificate } from './certificate.ts';
import { Door } from './door.ts';
import { createIdentity } from './identity.ts';
import { type OpenServer, openServer } from './server.ts';

export interface ListenOptions extends OutboxOptions {
  /** Address of this machine on which the others reach it. */
  readonly host: string;
  /** With a certificate of its own, whose fingerprint goes through the hub. */
  readonly tls: boolean;
  /** Whether the process may end while it listens. */
  readonly background: boolean;
  readonly log: (line: string) => void;
}

/** How long another may take to prove who it is; it may also have to wait until this worker has the view. */
const timeoutMs = 10_000;

/** Listens at once, and lets nobody in before `open` is called: until then connections wait, as strangers do. */
export async function openListener({ host, tls, log, ...options }: ListenOptions): Promise<PeerListener> {
  const certificate = tls ? await makeCertificate() : undefined;
  const server = await openServer({
    ...options,
    host,
    port: 0,
    timeoutMs,
    tls: certificate,
    keepsReads: true,
    who: 'worker',
    log,
  });
  const identity = createIdentity();
  let door: Door | undefined;
  return {
    addresses: {
      ws: server.url,
      'ws-key': identity.publicKey,
      ...(server.fingerprint !== undefined && { 'ws-fingerprint': server.fingerprint }),
    },
    agree: (publicKey) => identity.agree(publicKey),
    open: ({ token, job, name, keyOf, accept }) => {
      const secretOf = (peer: string): Secret | undefined => {
        const key = keyOf(peer);
        const shared = key === undefined ? undefined : identity.agree(key);
        return shared && { token, purpose: `worker ${name}`, shared };
      };
      door = new Door(server, { who: name, job, secretOf, admit: accept, log });
    },
    close: () => closeListener(server, door),
  };
}

async function closeListener(server: OpenServer, door: Door | undefined): Promise<void> {
  if (door) await door.close(closeCode.normal, 'leave');
  await server.close();
}
