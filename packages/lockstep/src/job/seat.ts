// This process's seat in its job: taken once, before anything that is not Lockstep's is executed, and kept where every copy of this
// module finds it, for a script may load another one than its launcher's.
import { ConfigError, type Seat } from '@lockstep/collectives';
import { takeSeat } from '@lockstep/collectives/node';
import { say } from '../console/say.ts';
import { type JobMeeting, meetingFromEnvironment } from './job-environment.ts';
import { version } from './versions.ts';

/** A seat that is taken, and where. */
export interface TakenSeat {
  readonly seat: Seat;
  readonly meeting: JobMeeting;
  /** The release of the Lockstep that has taken it. */
  readonly version: string;
  /** Leaves the job, so that the others do not take this worker for lost. */
  leave: () => Promise<void>;
}

const kept = Symbol.for('lockstep.seat');
type Keeper = { [kept]?: Promise<TakenSeat> };

/**
 * The seat of this process; nothing outside of a job. It does not keep the process running, and is left after its last line.
 * @param who begins an error's message.
 * @throws {ConfigError} for a wrong environment, or where another release of Lockstep has taken it. @throws what `connect` does.
 */
export async function seatOfJob(who: string): Promise<TakenSeat | undefined> {
  const keeper = globalThis as Keeper;
  if (!keeper[kept]) {
    const meeting = meetingFromEnvironment(who);
    if (!meeting) return undefined;
    keeper[kept] = take(meeting);
  }
  const taken = await keeper[kept];
  if (taken.version === version) return taken;
  throw new ConfigError(
    `${who}: expected the script's lockstep to be the launcher's, ${taken.version}, got ${version}\nhint: start it by the npx lockstep of the script's own folder`,
  );
}

async function take(meeting: JobMeeting): Promise<TakenSeat> {
  const { LOCKSTEP_NAME: name } = process.env;
  const log = (line: string): void => say(process.stderr, line);
  const seat = await takeSeat({ ...meeting, ...(name !== undefined && { name }), background: true, log });
  const taken: TakenSeat = { seat, meeting, version, leave: () => seat.close() };
  process.once('beforeExit', () => void taken.leave());
  return taken;
}
