// How a script becomes a worker: `lockstep run` has put the job into the environment. Without a job it is alone.
import {
  ConfigError,
  createGroup,
  type Group,
  type GroupOptions,
  memoryBridge,
  type Session,
} from '@lockstep/collectives';
import { connect } from '@lockstep/collectives/node';
import { type BridgeWish, bridgeWishes } from './choose-bridge.ts';
import { openGroup, type OpenedGroup } from './open-group.ts';

/** Of the group. */
export type JoinOptions = Pick<GroupOptions, 'shards' | 'timeoutMs' | 'algorithm' | 'segmentBytes' | 'trace'>;

let hasJoined = false;

/**
 * Joins the job that `lockstep run` started, once per process, and resolves when all its workers have joined: to the group
 * with `rank`, `size` and the collectives. Outside of a job it is a group of one, so that a script runs under plain `node`
 * as well.
 *
 * The group does not keep the process running, and leaves by itself after the script's last line. Whoever calls
 * `process.exit` awaits `group.close()` before, or the other workers take it for lost.
 *
 * @throws {ConfigError} for a wrong environment, a second call, or a bridge that cannot be had.
 * @throws {TimeoutError} when not all workers join, {@link PeerLostError} when the job is gone.
 */
export async function join(options: JoinOptions = {}): Promise<Group> {
  return (await joinJob(options)).group;
}

/** As {@link join}, for those who also want to know by which bridge. */
export async function joinJob(options: JoinOptions = {}): Promise<OpenedGroup> {
  const { LOCKSTEP_HUB: url, LOCKSTEP_TOKEN: token, LOCKSTEP_NAME: name } = process.env;
  if (url === undefined) return { group: createGroup(memoryBridge(1).transports[0]!, options) };
  if (!token) throw new ConfigError('join: expected the job’s token in LOCKSTEP_TOKEN, got nothing');
  if (hasJoined)
    throw new ConfigError('join: expected one call per process, got a second one\nhint: pass the group on');
  hasJoined = true;
  const asked = askedBridge();
  const session = await connect({ url, token, background: true, ...(name !== undefined && { name }) });
  const opened = await openGroup(session, { asked, ...options });
  process.once('beforeExit', () => void leave(opened.group, session));
  return opened;
}

function askedBridge(): BridgeWish {
  const asked = process.env['LOCKSTEP_BRIDGE'] ?? 'auto';
  const known = bridgeWishes.find((name) => name === asked);
  if (known) return known;
  throw new ConfigError(`join: expected LOCKSTEP_BRIDGE to be one of ${bridgeWishes.join(', ')}, got ${asked}`);
}

/** So that others, who may still be at work, do not take this worker for lost. */
async function leave(group: Group, session: Session): Promise<void> {
  await group.close();
  await session.close();
}
