// Joining a job from a browser: one connection to the hub, which relays what workers send to each other.

import { type ConnectOptions, join, type Session } from './session.ts';
import type { SocketLike } from './socket.ts';

/** Joins a job, and resolves when it is complete. Throws what `Session` and `join` say. */
export function connect(options: ConnectOptions): Promise<Session> {
  // A page cannot tell whether another runs on the same machine.
  return join(options, { open: (url) => new WebSocket(url) as unknown as SocketLike, host: crypto.randomUUID() });
}
