// Looks for the bridge that was asked for before anything is started or written.
import type { BridgeWish } from './choose-bridge.ts';

/** @throws {ConfigError} where UCX is asked for and this machine has none, and what to do about it, or too little memory for so many workers. */
export async function requireBridge(bridge: BridgeWish, workers: number): Promise<void> {
  if (bridge !== 'ucx') return;
  const { openUcx, requireSharedMemory } = await import('@lockstep/rdma');
  requireSharedMemory(workers);
  const ucx = await openUcx();
  await ucx.close();
}
