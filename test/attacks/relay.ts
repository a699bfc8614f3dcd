// Somebody on the way between a worker and its hub, for as long as a test takes.
import { onTestFinished } from 'vitest';
import { type Direction, openRelay, type Tamper } from './open-relay.mjs';

export type { Direction, Tamper };

/** The handshake of one connection: what each side sends before its frames are bound to it. */
export const handshakeMessages: Record<Direction, number> = { 'to hub': 1, 'to worker': 2 };

/** Relays to `url`; resolves to its own. */
export async function relayTo(url: string, tamper: Tamper): Promise<string> {
  const relay = await openRelay(url, tamper);
  onTestFinished(() => relay.close());
  return relay.url;
}
