// Looks for the bridge that was asked for before anything is started or written.
import { ConfigError } from '@lockstep/collectives';
import type { BridgeWish } from './choose-bridge.ts';

export interface BridgeNeeds {
  readonly workers: number;
  /** Whether every byte between workers is to be encrypted. */
  readonly tls?: boolean;
}

/** Why there is no UCX under TLS. */
export function unencrypted(): ConfigError {
  return new ConfigError(
    '--bridge: expected ws where all is encrypted (--tls), got ucx, which encrypts nothing\nhint: leave out one of the two',
  );
}

/** @throws {ConfigError} where UCX is asked for and cannot be had for so many workers, with what to do about it. */
export async function requireBridge(bridge: BridgeWish, { workers, tls = false }: BridgeNeeds): Promise<void> {
  if (bridge !== 'ucx') return;
  if (tls) throw unencrypted();
  const { openUcx, requireSharedMemory } = await import('@lockstep/rdma');
  requireSharedMemory(workers);
  const ucx = await openUcx({ rdma: true });
  await ucx.close();
}
