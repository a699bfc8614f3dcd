// Looks for the bridge that was asked for before anything is started or written.
import type { BridgeWish } from './choose-bridge.ts';

/** @throws {ConfigError} where UCX is asked for and this machine has none, with what to install. */
export async function requireBridge(bridge: BridgeWish): Promise<void> {
  if (bridge !== 'ucx') return;
  const { openUcx } = await import('@lockstep/rdma');
  const ucx = await openUcx();
  await ucx.close();
}
