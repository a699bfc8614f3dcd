// How a script becomes a worker: the process that executes it has a seat in the job. Without a job it is alone.
import { ConfigError, createGroup, type Group, type GroupOptions, memoryBridge } from '@lockstep/collectives';
import { openGroup, type OpenedGroup, type OpenGroupOptions } from './open-group.ts';
import { seatOfJob } from './seat.ts';

/** What the group is made with. */
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

/** As {@link join}, for those who also want to know by which bridge, or to wait longer. */
export async function joinJob(options: OpenGroupOptions = {}): Promise<OpenedGroup> {
  const taken = await seatOfJob('join');
  if (!taken) return { group: createGroup(memoryBridge(1).transports[0]!, options) };
  if (hasJoined)
    throw new ConfigError('join: expected one call per process, got a second one\nhint: pass the group on');
  hasJoined = true;
  return openGroup(taken, options);
}
