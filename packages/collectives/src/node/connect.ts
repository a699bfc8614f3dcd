// Joining a job from Node: beside the connection to the hub there is one for each direction between two workers, opened
// when it is first needed.

import { hostname } from 'node:os';
import { readFileSync } from 'node:fs';
import { ConfigError } from '@lockstep/errors';
import { type ConnectOptions, type Seat, type Session, takeSeat as take } from '../websocket/session.ts';
import type { OpenSocket } from '../websocket/socket.ts';
import { openListener } from './listener.ts';
import { openSocket } from './node-socket.ts';

export interface NodeConnectOptions extends ConnectOptions {
  /** Whether workers open connections to each other; otherwise the hub relays. */
  readonly direct?: boolean;
  /** The address of this machine on which other workers reach it. */
  readonly listen?: { readonly host: string };
  /** Whether the process may end while it is connected; what waits for a message still keeps it running. */
  readonly background?: boolean;
}

/** Takes a seat in a job: see `takeSeat` of the session for what it throws. */
export async function takeSeat(options: NodeConnectOptions): Promise<Seat> {
  const { direct = true, listen = { host: '127.0.0.1' }, background = false, url, log = () => {}, ...rest } = options;
  if (!/^wss?:\/\//.test(url)) throw new ConfigError(`connect: expected ws://host:port or wss://host:port, got ${url}`);
  const listener = direct
    ? await openListener({ ...listen, background, tls: url.startsWith('wss:'), log, ...buffering(options) })
    : undefined;
  const open: OpenSocket = (address, fingerprint) => openSocket(address, { fingerprint, background });
  return take({ ...rest, url, log }, { open, host: machine(), ...(listener && { listener }) });
}

/** Joins a job, and resolves when it is complete. */
export async function connect(options: NodeConnectOptions): Promise<Session> {
  return (await takeSeat(options)).introduce({ addresses: options.addresses, timeoutMs: options.viewTimeoutMs });
}

const buffering = ({ maxBufferedBytes }: ConnectOptions): Pick<ConnectOptions, 'maxBufferedBytes'> =>
  maxBufferedBytes === undefined ? {} : { maxBufferedBytes };

/** Containers may share a name, and a machine that has started anew is another. */
function machine(): string {
  try {
    return `${hostname()} ${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}`;
  } catch {
    return hostname();
  }
}
