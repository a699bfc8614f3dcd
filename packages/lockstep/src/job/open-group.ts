// From the place where a job meets to this worker's group: the one that turns the choice of a bridge into a transport.
import {
  createGroup,
  type Group,
  type GroupOptions,
  PeerLostError,
  type Session,
  type Transport,
} from '@lockstep/collectives';
import { connect, type NodeConnectOptions } from '@lockstep/collectives/node';
import type { Ucx } from '@lockstep/rdma';
import { type BridgeChoice, type BridgeOffer, type BridgeWish, chooseBridge } from './choose-bridge.ts';
import type { JobMeeting } from './job-environment.ts';
import { unencrypted } from './require-bridge.ts';

export interface JoinedJob {
  readonly session: Session;
  /** Makes the workers of the job a group; once. @throws {ConfigError} for a bridge that cannot be had. */
  openGroup(options: GroupOptions): Promise<Required<OpenedGroup>>;
  /** Leaves the job, with UCX where that was open. */
  close(): Promise<void>;
}

export interface OpenedGroup {
  readonly group: Group;
  /** Missing where there is nobody to talk to. */
  readonly choice?: BridgeChoice;
}

/**
 * Joins a job: tells the others by which bridges this worker can be reached, and resolves when all are there.
 * @throws {ConfigError} when UCX is asked for and missing, and as `connect` does.
 */
export async function joinMeeting(
  { bridge, ...meeting }: JobMeeting,
  options: Pick<NodeConnectOptions, 'name' | 'background' | 'log'>,
): Promise<JoinedJob> {
  const { ucx, lack } = await tryUcx(bridge, { ...meeting, ...options });
  try {
    const session = await connect({
      ...meeting,
      ...options,
      addresses: addressesOf(ucx, lack),
    });
    return new Joined(session, ucx, bridge);
  } catch (error) {
    await ucx?.close();
    throw error;
  }
}

interface UcxFinding {
  readonly ucx?: Ucx | undefined;
  /** Why there is none. */
  readonly lack?: string | undefined;
}

async function tryUcx(
  asked: BridgeWish,
  { url, token, background = false }: { url: string; token: string; background?: boolean },
): Promise<UcxFinding> {
  if (asked === 'ws') return {};
  if (url.startsWith('wss:')) {
    if (asked === 'ucx') throw unencrypted();
    return { lack: 'with TLS every byte between workers is encrypted' };
  }
  try {
    const { openUcx } = await import('@lockstep/rdma'); // native code, loaded only where it may be used
    return { ucx: await openUcx({ background, secret: token, rdma: asked === 'ucx' }) };
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

class Joined implements JoinedJob {
  readonly session: Session;
  readonly #asked: BridgeWish;
  #ucx: Ucx | undefined;

  constructor(session: Session, ucx: Ucx | undefined, asked: BridgeWish) {
    this.session = session;
    this.#ucx = ucx;
    this.#asked = asked;
  }

  async openGroup(options: GroupOptions): Promise<Required<OpenedGroup>> {
    const choice = chooseBridge({ asked: this.#asked, members: this.#offers() });
    const transport = choice.bridge === 'ucx' ? this.#overUcx() : this.session.transport;
    if (choice.bridge !== 'ucx') await this.#closeUcx();
    const hosts = this.session.view.members.map(({ host }) => host);
    const group = createGroup(transport, { hosts, ...options });
    await group.measure();
    return { group, choice };
  }

  async close(): Promise<void> {
    await this.#closeUcx();
    await this.session.close();
  }

  #offers(): BridgeOffer[] {
    return this.session.view.members.map(({ name, host, addresses }) => ({
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
  #overUcx(): Transport {
    const { rank, view } = this.session;
    const addresses = view.members.map((member) => new Uint8Array(Buffer.from(member.addresses['ucx']!, 'base64')));
    const transport = this.#ucx!.connect({ rank, addresses, epoch: view.epoch });
    this.session.onGone((peer) => transport.lose(peer, new PeerLostError(peer)));
    return transport;
  }

  async #closeUcx(): Promise<void> {
    await this.#ucx?.close();
    this.#ucx = undefined;
  }
}
