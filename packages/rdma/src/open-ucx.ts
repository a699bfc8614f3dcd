// Opens UCX in a process: the library, its thread, the memory it may touch, and one transport per view.

import { createHash } from 'node:crypto';
import { closeSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { ConfigError, ProtocolError } from '@lockstep/collectives';
import { type Address, decodeAddress, encodeAddress, encodeBody, type VouchedAddress } from './address.ts';
import { mapArena, ownArenaFile } from './arena-file.ts';
import { hostIdentity } from './host.ts';
import { hasRdmaDevice, loadLibrary, statusText } from './load-library.ts';
import { MemoryPool } from './memory-pool.ts';
import { maxSize, rankOf, viewOf, views } from './messages.ts';
import { transportsFor } from './transports.ts';
import { UcxThread } from './ucx-thread.ts';
import { requireSharedMemory, roomForWorkers } from './shared-memory.ts';
import { type UcxTransport, ViewTransport } from './ucx-transport.ts';
import { isVouched, vouch } from './vouchers.ts';

export interface UcxOptions {
  /** Path of libucp, or its name for the loader. */
  readonly library?: string;
  /** Known to the workers of a job alone: whoever does not know it is none of them. */
  readonly secret?: string;
  /** Whether an RDMA device may be used, and so workers on other hosts. Every host of its fabric has to be trusted. */
  readonly rdma?: boolean;
  /** Transports that UCX may use, as in UCX_TLS, which is what holds otherwise: posix, self; with `rdma` also rc, ud, dc. */
  readonly tls?: string;
  /** Devices that UCX may use, as in UCX_NET_DEVICES, which is what holds otherwise. */
  readonly netDevices?: string;
  /** How long the thread sleeps at most, in milliseconds: a wake-up that got lost costs no more than this. */
  readonly pollMs?: number;
  /** Whether the process may end while a message is waited for; whoever waits keeps it alive then, as by a deadline. */
  readonly background?: boolean;
  /** Other settings of UCX, without the prefix UCX_. */
  readonly config?: Readonly<Record<string, string>>;
}

export interface ConnectOptions {
  readonly rank: number;
  /** The addresses of all ranks, by rank. */
  readonly addresses: readonly Uint8Array[];
  /** The number of the view, the same on every rank, so that messages of an earlier view are not taken for this one's. */
  readonly epoch?: number;
}

export interface Ucx {
  /** The version of the library, such as 1.13.1. */
  readonly version: string;
  /** For the peers; goes through the hub. */
  readonly address: Uint8Array;
  /** Equal for workers of one host and user, which can share memory. */
  readonly host: string;
  /** How many workers /dev/shm has room for, as far as it has when this one has taken what it needs from the start. */
  readonly room: number;
  /** Whether UCX found an RDMA device that it may use (rc, dc or ud over InfiniBand or RoCE). */
  readonly hasRdma: boolean;
  /**
   * A transport to the workers at these addresses. Endpoints are made when they are first needed.
   *
   * @throws {ProtocolError} code PROTOCOL, when an address is none, or not that of a worker that may be connected to
   * @throws {ConfigError} code CONFIG, when a peer has another UCX, or `addresses` and `rank` do not fit this worker
   */
  connect(options: ConnectOptions): UcxTransport;
  /** Leaves every view and ends the thread. */
  close(): Promise<void>;
}

/** What suits most, unless the user's environment says otherwise. */
function defaults(): Record<string, string> {
  return {
    // Endpoints over shared memory have error handling only if asked.
    MM_ERROR_HANDLING: 'y',
    // Where no process can be watched, this is how long a loss goes unnoticed; UCX itself takes 20 s.
    KEEPALIVE_INTERVAL: '1s',
    // With a cable of RDMA UCX knows better.
    ...(hasRdmaDevice() ? {} : { RNDV_THRESH: '128k' }),
  };
}

/**
 * Loads libucp and opens a UCX context and worker, in a thread of its own.
 *
 * @throws {ConfigError} code CONFIG, when libucp is missing or too old, finds too little shared memory, or cannot start
 *   with the settings it has
 */
export async function openUcx(options: UcxOptions = {}): Promise<OpenedUcx> {
  const { library = 'libucp.so.0', pollMs = 100, background = false, rdma = false, secret = '' } = options;
  const tls = transportsFor({ tls: options.tls, rdma });
  const version = loadLibrary(library);
  requireSharedMemory(1);
  ownArenaFile(); // before another thread has the arena
  // Through /proc, where only processes of this user come to its segments.
  const closed = { TLS: tls, POSIX_USE_PROC_LINK: 'y' };
  const config = { ...chosen('NET_DEVICES', options.netDevices), ...options.config, ...closed };
  const unset = Object.entries(defaults()).filter(([name]) => process.env[`UCX_${name}`] === undefined);
  const thread = new UcxThread({ library, config, defaults: Object.fromEntries(unset), pollMs });
  try {
    return new OpenedUcx({ version, library, thread, background, rdma, secret, facts: await thread.start() });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ConfigError(`ucx: expected UCX ${version} to start, got: ${reason}`);
  }
}

function chosen(name: string, value: string | undefined): Record<string, string> {
  return value === undefined ? {} : { [name]: value };
}

interface Opened {
  readonly version: string;
  readonly library: string;
  readonly thread: UcxThread;
  readonly background: boolean;
  readonly rdma: boolean;
  readonly secret: string;
  readonly facts: { readonly address: Uint8Array; readonly resources: string };
}

export class OpenedUcx implements Ucx {
  readonly version: string;
  readonly address: Uint8Array;
  readonly hasRdma: boolean;
  readonly room: number = roomForWorkers();
  /** Equal for workers that can share memory. */
  readonly host: string;
  readonly #host = hostIdentity();
  readonly #rdma: boolean;
  readonly #secret: string;
  readonly #voucher: number;
  readonly #library: string;
  readonly #background: boolean;
  readonly #thread: UcxThread;
  readonly #pool: MemoryPool;
  readonly #transports = new Map<number, ViewTransport>();
  #closed: Promise<void> | undefined;
  #isRetracted = false;

  constructor({ version, library, thread, background, rdma, secret, facts }: Opened) {
    this.version = version;
    this.hasRdma = /\b(rc|dc|ud)(_\w+)?\//.test(facts.resources);
    this.host = Buffer.from(this.#host).toString('hex');
    const body = encodeBody({ version, host: this.#host, pid: process.pid, arena: ownArenaFile(), ucx: facts.address });
    this.#voucher = vouch(body, secret);
    this.#rdma = rdma;
    this.#secret = secret;
    this.address = encodeAddress(body, this.#voucher);
    this.#library = library;
    this.#background = background;
    this.#thread = thread;
    this.#pool = new MemoryPool((address, byteLength) => thread.register(address, byteLength));
    thread.onGone = (group, why) => this.#transports.get(viewOf(group))?.hear(rankOf(group), why);
    thread.onEnd = () => this.#end();
  }

  connect({ rank, addresses, epoch = 0 }: ConnectOptions): UcxTransport {
    if (this.#closed) throw new ConfigError('connect: expected an open UCX, got one that is closed');
    this.#checkPlace(rank, addresses);
    const version = this.version.split('.', 2).join('.');
    const peers = addresses.map((address, peer) => decodeAddress(peer, address, version));
    const view = viewNumber(epoch, addresses);
    if (this.#transports.has(view))
      throw new ConfigError(`connect: expected a view not yet open, got epoch ${epoch} again`);
    this.#checkPeers(peers, rank);
    const isOther = ({ host, pid }: Address): boolean => pid !== process.pid && this.#isHere(host);
    const pids = peers.map((peer) => (isOther(peer) ? peer.pid : 0));
    const arenas = peers.map((peer) => (isOther(peer) ? mapArena({ pid: peer.pid, ...peer.arena }) : undefined) ?? 0);
    const core = this.#coreOf(rank, peers, view);
    this.#thread.join({ view, rank, addresses: peers.map(({ ucx }) => ucx), pids, arenas, core });
    const transport = this.#transport(view, rank, addresses.length);
    this.#transports.set(view, transport);
    return transport;
  }

  close(): Promise<void> {
    this.#closed ??= this.#leave();
    return this.#closed;
  }

  async #leave(): Promise<void> {
    await Promise.all([...this.#transports.values()].map((transport) => transport.close()));
    await this.#thread.stop();
    this.#retract();
  }

  /** Ends this worker as a crash would: without a farewell. For tests. */
  abandon(): void {
    this.#thread.abandon();
    this.#end();
  }

  #retract(): void {
    if (!this.#isRetracted) closeSync(this.#voucher);
    this.#isRetracted = true;
  }

  #end(): void {
    for (const transport of this.#transports.values()) transport.end();
    this.#transports.clear();
  }

  #transport(view: number, rank: number, size: number): ViewTransport {
    return new ViewTransport({
      rank,
      size,
      view,
      thread: this.#thread,
      pool: this.#pool,
      background: this.#background,
      describe: (status) => statusText(this.#library, status),
      onClosed: () => this.#transports.delete(view),
    });
  }

  #checkPlace(rank: number, addresses: readonly Uint8Array[]): void {
    if (addresses.length > maxSize) {
      throw new ConfigError(`connect: expected at most ${maxSize} ranks, got ${addresses.length}`);
    }
    const own = addresses[rank];
    if (own === undefined || Buffer.compare(own, this.address) !== 0) {
      throw new ConfigError(
        `connect: expected this worker's own address at rank ${rank} of ${addresses.length}, got another`,
      );
    }
  }

  /** UCX believes an address, and does what it says: it must be that of a worker of this job, and of one only. */
  #checkPeers(peers: readonly VouchedAddress[], rank: number): void {
    for (const [other, peer] of peers.entries()) {
      if (peers.findIndex(({ body }) => Buffer.compare(body, peer.body) === 0) !== other)
        throw new ProtocolError(`connect: expected an address of its own from rank ${other}, got that of another`);
      if (other === rank || (this.#isHere(peer.host) ? isVouched(peer, this.#secret) : this.#rdma)) continue;
      throw new ProtocolError(
        `connect: expected rank ${other} to be a worker of this job, user and host, got an address that none vouches for`,
      );
    }
  }

  /** One for each worker of this host; where workers outnumber the cores, or there is one only, the system chooses. */
  #coreOf(rank: number, peers: readonly Address[], view: number): number {
    const here = peers.flatMap(({ host }, peer) => (this.#isHere(host) ? [peer] : []));
    const isSensible = here.length > 1 && here.length <= availableParallelism();
    // Jobs that share a host begin at different cores, most likely.
    return isSensible ? view + here.indexOf(rank) : -1;
  }

  #isHere(host: Uint8Array): boolean {
    return Buffer.compare(host, this.#host) === 0;
  }
}

/** The same on every rank of a view, and most likely another for every other view. */
function viewNumber(epoch: number, addresses: readonly Uint8Array[]): number {
  const hash = createHash('sha256').update(String(epoch));
  for (const address of addresses) hash.update(address);
  return hash.digest().readUInt16LE() % views;
}
