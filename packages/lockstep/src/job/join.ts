// How a script becomes a worker: `lockstep run` has put the job into the environment. Without a job it is alone.
import { ConfigError, createGroup, type Group, type GroupOptions, memoryBridge } from '@lockstep/collectives';
import { meetingFromEnvironment } from './job-environment.ts';
import { type JoinedJob, joinMeeting, type OpenedGroup } from './open-group.ts';

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

/** As {@link join}, for those who also want to know by which bridge. */
export async function joinJob(options: JoinOptions = {}): Promise<OpenedGroup> {
  const meeting = meetingFromEnvironment('join');
  if (!meeting) return { group: createGroup(memoryBridge(1).transports[0]!, options) };
  if (hasJoined)
    throw new ConfigError('join: expected one call per process, got a second one\nhint: pass the group on');
  hasJoined = true;
  const { LOCKSTEP_NAME: name } = process.env;
  const job = await joinMeeting(meeting, { background: true, ...(name !== undefined && { name }) });
  const opened = await job.openGroup(options);
  process.once('beforeExit', () => void leave(opened.group, job));
  return opened;
}

/** So that others, who may still be at work, do not take this worker for lost. */
async function leave(group: Group, job: JoinedJob): Promise<void> {
  await group.close();
  await job.close();
}
