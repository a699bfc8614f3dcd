// From the place where a job meets to this worker's group: the one that turns the choice of a bridge into a transport.
import {
  createGroup,
  type Group,
  type GroupOptions,
  type Introduction,
  PeerLostError,
  type Session,
  type Transport,
} from '@lockstep/collectives';
import type { Ucx } from '@lockstep/rdma';
import { type BridgeChoice, type BridgeOffer, chooseBridge } from './choose-bridge.ts';
import type { JobMeeting } from './job-environment.ts';
import { unencrypted } from './require-bridge.ts';
import type { TakenSeat } from './seat.ts';

/** The workers of a job as a group, and how they talk to each other. */
export interface OpenedGroup {
  readonly group: Group;
  /** Missing where there is nobody to talk to. */
  readonly choice?: BridgeChoice;
}

/** How a group is made, and how long the others may take to be there, ms. */
export type OpenGroupOptions = GroupOptions & { readonly comeWithinMs?: Introduction['timeoutMs'] };

/**
 * Tells the others by which bridges this worker can be reached, and makes all a group when all are there. Whoever leaves the seat
 * leaves the group.
 * @throws {ConfigError} when a bridge is asked for and cannot be had, {@link TimeoutError} when not all come.
 */
export async function openGroup(
  taken: TakenSeat,
  { comeWithinMs, ...options }: OpenGroupOptions = {},
): Promise<Required<OpenedGroup>> {
  const { seat, meeting } = taken;
  const { ucx, lack } = await tryUcx(meeting);
  try {
    const session = await seat.introduce({ addresses: addressesOf(ucx, lack), timeoutMs: comeWithinMs });
    const choice = chooseBridge({ asked: meeting.bridge, members: offersOf(session) });
    const usesUcx = ucx !== undefined && choice.bridge === 'ucx';
    if (!usesUcx) await ucx?.close();
    const transport = usesUcx ? overUcx(ucx, session) : session.transport;
    const group = createGroup(transport, { hosts: session.view.members.map(({ host }) => host), ...options });
    leaveWith(taken, async () => {
      await group.close();
      await (usesUcx && ucx.close());
    });
    await group.measure();
    return { group, choice };
  } catch (error) {
    await ucx?.close();
    throw error;
  }
}

/** Adds what has to be closed before the seat is left. */
function leaveWith(taken: TakenSeat, close: () => Promise<void>): void {
  const before = taken.leave;
  taken.leave = async () => {
    await close();
    await before();
  };
}

interface UcxFinding {
  readonly ucx?: Ucx | undefined;
  /** Why there is none. */
  readonly lack?: string | undefined;
}

async function tryUcx({ bridge: asked, url, token }: JobMeeting): Promise<UcxFinding> {
  if (asked === 'ws') return {};
  if (url.startsWith('wss:')) {
    if (asked === 'ucx') throw unencrypted();
    return { lack: 'with TLS every byte between workers is encrypted' };
  }
  try {
    const { openUcx } = await import('@lockstep/rdma'); // native code, loaded only where it may be used
    return { ucx: await openUcx({ background: true, secret: token, rdma: asked === 'ucx' }) };
  } catch (error) {
    if (asked === 'ucx') throw error;
    return { lack: (error as Error).message.split('\n')[0] };
  }
}

/** The longest reason that is told to others. */
const longestLack = 200;

/** Where this worker can be reached; what it lacks for it is told to all, since it may be the only one that does. */
const addressesOf = (ucx: Ucx | undefined, lack: string | undefined): Record<string, string> =>
  ucx
    ? {
        ucx: Buffer.from(ucx.address).toString('base64'),
        'ucx-rdma': String(ucx.hasRdma),
        'ucx-version': minorOf(ucx.version),
        'ucx-room': String(ucx.room),
        'ucx-host': ucx.host,
      }
    : lack === undefined
      ? {}
      : { 'ucx-lack': lack.slice(0, longestLack) };

/** UCX 1.13.1 and 1.13.2 understand each other; 1.13 and 1.14 may not. */
const minorOf = (version: string): string => version.split('.', 2).join('.');

function offersOf({ view }: Session): BridgeOffer[] {
  return view.members.map(({ name, host, addresses }) => ({
    name,
    host,
    ...('ucx-lack' in addresses && { lack: addresses['ucx-lack'] }),
    ...('ucx' in addresses && {
      ucx: {
        hasRdma: addresses['ucx-rdma'] === 'true',
        version: addresses['ucx-version'] ?? '',
        room: Number(addresses['ucx-room'] ?? 0),
        host: addresses['ucx-host'] ?? '',
      },
    }),
  }));
}

/** The hub notices a dead worker first: its connection ends with the process. */
function overUcx(ucx: Ucx, session: Session): Transport {
  const { rank, view } = session;
  const addresses = view.members.map((member) => new Uint8Array(Buffer.from(member.addresses['ucx']!, 'base64')));
  const transport = ucx.connect({ rank, addresses, epoch: view.epoch });
  session.onGone((peer) => transport.lose(peer, new PeerLostError(peer)));
  return transport;
}
