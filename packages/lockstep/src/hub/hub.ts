// The hub of a job: the process where workers meet. It publishes the view, passes frames between workers that have no
// connection of their own, and carries values between the run and its launcher. Who knows the token is found out at its
// door; who is a member is decided in hub/membership.ts.

import {
  closeCode,
  ConfigError,
  type Connection,
  type ControlMessage,
  decodeControl,
  encodeControl,
  type Frame,
  isRankFrame,
  payloadOf,
  ProtocolError,
  type RankFrame,
  rankOf,
} from '@lockstep/collectives';
import { type Certificate, Door, makeCertificate, type OpenServer, openServer } from '@lockstep/collectives/node';
import { advance, type Membership, type MembershipEffect, type MembershipEvent } from './membership.ts';
import { Relay, relayBytes, type RelayOptions } from './relay.ts';

export interface HubOptions extends RelayOptions {
  /** Workers that make the job complete. */
  readonly size: number;
  /** The job's secret: whoever knows it may join. */
  readonly token: string;
  /** The job's public id: 1 to 64 letters, digits, _ . or -. Drawn at random by default. */
  readonly job?: string;
  /** 0 lets the system choose. */
  readonly port?: number;
  /** Makes the hub listen at wss://, with this certificate or with one made for the job, to be pinned. */
  readonly tls?: Certificate | 'self-signed' | undefined;
  /** Given to each worker on joining: anything msgpack knows, up to 1 MiB. */
  readonly welcome?: unknown;
  /** Origins of pages that may join, such as `http://127.0.0.1:8080`; none by default. */
  readonly origins?: readonly string[];
  /** A worker that has not proved the token by then is turned away, ms. */
  readonly admissionTimeoutMs?: number;
  /**
   * Gets what a worker sends with `session.send`, and its rank, −1 before the job is complete. Where it throws a
   * `ProtocolError`, the worker's connection ends with that.
   */
  onMessage?(member: string, value: unknown, rank: number): void;
  /** A worker's connection ended without a farewell. */
  onLost?(member: string): void;
  /** Gets one line per connection that was turned away or cut off. */
  readonly log?: (line: string) => void;
}

export interface Hub {
  readonly url: string;
  readonly port: number;
  readonly job: string;
  /** SHA-256 of the certificate in hex, under TLS. */
  readonly fingerprint?: string | undefined;
  /** Sends a value to every worker. */
  broadcast(value: unknown): void;
  /** Whether a worker of this name has its seat. */
  has(member: string): boolean;
  /** Resolves when no worker of this name has its seat any more, and all that it has sent was given on; or after `ms`. */
  parted(member: string, ms: number): Promise<void>;
  close(): Promise<void>;
}

const host = '127.0.0.1';

/** Opens a hub on 127.0.0.1. Throws `ConfigError` when the port is in use or the certificate is none. */
export async function startHub(options: HubOptions): Promise<Hub> {
  const { port = 0, token, tls } = options;
  if (token === '') throw new ConfigError('hub: expected a token, got an empty one');
  const certificate = tls === 'self-signed' ? await makeCertificate() : tls;
  const server = await openServer({
    who: 'hub',
    host,
    port,
    tls: certificate,
    origins: options.origins ?? [],
    timeoutMs: options.admissionTimeoutMs ?? 10_000,
    maxBufferedBytes: 2 * relayBytes(options), // what the relay lets wait for a reader, and as much again
    log: options.log ?? (() => {}),
  });
  return new WebSocketHub(server, options);
}

class WebSocketHub implements Hub {
  readonly port: number;
  readonly url: string;
  readonly job: string;
  readonly fingerprint: string | undefined;
  readonly #server: OpenServer;
  readonly #door: Door;
  readonly #options: HubOptions;
  readonly #relay: Relay;
  readonly #members = new Map<string, Connection>();
  readonly #welcome: Uint8Array<ArrayBuffer>;
  #membership: Membership;

  constructor(server: OpenServer, options: HubOptions) {
    const { token, size, welcome, job = crypto.randomUUID(), log = () => {} } = options;
    this.#server = server;
    this.#options = options;
    this.#relay = new Relay(options);
    this.#welcome = encodeControl({ kind: 'welcome', value: welcome });
    this.#membership = { size, present: [] };
    this.port = server.port;
    this.url = server.url;
    this.fingerprint = server.fingerprint;
    this.job = job;
    this.#door = new Door(server, {
      who: 'hub',
      job,
      secretOf: () => ({ token, purpose: 'hub' }),
      admit: (name, connection) => this.#seat(name, connection),
      log,
    });
  }

  broadcast(value: unknown): void {
    this.#tell({ kind: 'value', value });
  }

  has(member: string): boolean {
    return this.#members.has(member);
  }

  async parted(member: string, ms: number): Promise<void> {
    const connection = this.#members.get(member);
    if (!connection) return;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)));
    await Promise.race([connection.ended, late]);
    clearTimeout(timer);
  }

  async close(): Promise<void> {
    this.#members.clear();
    await this.#door.close(closeCode.hubClosed, 'the hub has closed');
    await this.#server.close();
  }

  #seat(name: string, connection: Connection): void {
    this.#advance({ kind: 'joined', member: name }, connection);
    void connection.ended.then(() => this.#unseat('lost', name, connection));
    connection.read((frame) => {
      if (this.#members.get(name) === connection) this.#read(name, connection, frame);
    });
  }

  #unseat(kind: 'left' | 'lost', name: string, connection: Connection): void {
    this.#relay.release(connection);
    if (this.#members.get(name) !== connection) return;
    this.#members.delete(name);
    this.#advance({ kind, member: name });
  }

  #read(name: string, connection: Connection, frame: Frame): void {
    if (isRankFrame(frame)) return this.#forward(name, connection, frame);
    if (frame.kind !== 'control') throw new ProtocolError(`hub: expected no ${frame.kind} frame from a member`);
    const message = decodeControl(payloadOf(frame));
    if (message.kind === 'value') this.#options.onMessage?.(name, message.value, this.#rankOf(name));
    else if (message.kind === 'introduce') this.#advance({ kind: 'introduced', member: name, at: message });
    else if (message.kind === 'ping') this.#answer(connection, message.id);
    else if (message.kind === 'leave') this.#unseat('left', name, connection);
    else throw new ProtocolError(`hub: expected no ${message.kind} message from a member`);
  }

  #rankOf(name: string): number {
    const { view } = this.#membership;
    return view ? rankOf(view, name) : -1;
  }

  #answer(connection: Connection, id: number): void {
    connection.outbox.post(encodeControl({ kind: 'pong', id, at: performance.timeOrigin + performance.now() }));
  }

  /** Frames of another view, or to somebody who is gone, are dropped: their sender cannot have known yet. */
  #forward(name: string, connection: Connection, frame: RankFrame): void {
    const { epoch, from, to } = frame;
    const { view } = this.#membership;
    if (!view || epoch !== view.epoch) return;
    const target = view.members[to]?.name;
    if (view.members[from]?.name !== name || target === undefined || target === name) {
      throw new ProtocolError(
        `hub: expected a frame from ${name} to another member, got one from rank ${from} to rank ${to}`,
      );
    }
    const reader = this.#members.get(target);
    if (reader) this.#relay.forward(frame, { from: connection, to: reader });
  }

  /** Puts an event to the membership and carries out what follows. Throws where that is a refusal. */
  #advance(event: MembershipEvent, connection?: Connection): void {
    const { next, effects } = advance(this.#membership, event);
    this.#membership = next;
    for (const effect of effects) {
      if (effect.kind === 'refuse') throw refusalOf(effect.why, event.member);
      this.#carryOut(effect, connection);
    }
  }

  #carryOut(effect: Exclude<MembershipEffect, { kind: 'refuse' }>, connection?: Connection): void {
    if (effect.kind === 'welcome') {
      this.#members.set(effect.member, connection!);
      connection!.outbox.post(this.#welcome);
    } else if (effect.kind === 'publish') this.#tell({ kind: 'view', view: effect.view });
    else if (effect.kind === 'tellGone') this.#tell({ kind: 'gone', epoch: effect.epoch, rank: effect.rank });
    else this.#options.onLost?.(effect.member);
  }

  #tell(message: ControlMessage): void {
    const frame = encodeControl(message);
    for (const { outbox } of this.#members.values()) outbox.post(frame);
  }
}

function refusalOf(why: Extract<MembershipEffect, { kind: 'refuse' }>['why'], member: string): ProtocolError {
  if (why === 'full') return new ProtocolError('hub: the job is complete', closeCode.full);
  if (why === 'nameTaken') return new ProtocolError(`hub: the name ${member} is taken`, closeCode.nameTaken);
  return new ProtocolError(`hub: expected ${member} to introduce itself once`);
}
