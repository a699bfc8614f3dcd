// Where the other workers open their connections to this one, on a port that the system chooses.

import type { PeerListener } from '../websocket/session.ts';
import { closeCode } from '../close-code.ts';
import type { OutboxOptions } from '../websocket/outbox.ts';
import { makeCertificate } from './certificate.ts';
import { Door } from './door.ts';
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

/** Peers and strangers. */
const maxConnections = 1024;
const timeoutMs = 10_000;

/** Listens at once, and lets nobody in before `open` is called: until then connections wait. */
export async function openListener({ host, tls, background, ...options }: ListenOptions): Promise<PeerListener> {
  const certificate = tls ? await makeCertificate() : undefined;
  const server = await openServer({ host, port: 0, background, tls: certificate, keepsReads: true });
  let door: Door | undefined;
  return {
    addresses: { ws: server.url, ...(server.fingerprint !== undefined && { 'ws-fingerprint': server.fingerprint }) },
    open: ({ token, job, name, accept }) => {
      const secret = { token, purpose: `worker ${name}` } as const;
      door = new Door(server, { ...options, ...secret, who: name, job, maxConnections, timeoutMs, admit: accept });
    },
    close: () => closeListener(server, door),
  };
}

async function closeListener(server: OpenServer, door: Door | undefined): Promise<void> {
  if (door) await door.close(closeCode.normal, 'leave');
  await server.close();
}
