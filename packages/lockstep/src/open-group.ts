// From a worker's place in a job to its group: the one place that turns the choice of a bridge into a transport.
import { createGroup, type Group, type GroupOptions, type Session } from '@lockstep/collectives';
import { type BridgeChoice, type BridgeWish, chooseBridge } from './choose-bridge.ts';

export interface OpenGroupOptions extends GroupOptions {
  /** The same for every worker. */
  readonly asked: BridgeWish;
}

export interface OpenedGroup {
  readonly group: Group;
  /** Missing where there is nobody to talk to. */
  readonly choice?: BridgeChoice;
}

/**
 * Makes the workers of a session a group.
 * @throws {ConfigError} for a bridge that cannot be had, and as `createGroup` does.
 */
export async function openGroup(session: Session, { asked, ...options }: OpenGroupOptions): Promise<OpenedGroup> {
  const members = session.view.members.map((name) => ({ name, host: '' }));
  const choice = chooseBridge({ asked, members });
  return { group: createGroup(session.transport, options), choice };
}
