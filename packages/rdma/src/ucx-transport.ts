// The ranks of one view over UCX, as a transport. It checks, copies what is small, and turns reports into results;
// moving the bytes is the thread's.

import { arena, checkPeer, PeerLostError } from '@lockstep/collectives';
import type { CallTraffic, GroupConfiguration, Offload, OffloadingTransport } from '@lockstep/collectives/offload';
import type { SharedCall } from './collectives.ts';
import { errorOf, type Failure, lossOf, wrongLengthOf } from './losses.ts';
import { addressOf, type MemoryPool, type Region } from './memory-pool.ts';
import { command, groupOf, report } from './messages.ts';
import { Staging } from './staging.ts';
import type { UcxThread } from './ucx-thread.ts';

export interface UcxTransport extends OffloadingTransport {
  /**
   * Somebody else, as the hub, knows that `peer` is gone: its calls reject with `error`, but what it had sent whole can
   * still be received.
   */
  lose(peer: number, error?: PeerLostError): void;
  /** Memory with undefined contents that UCX reads and writes in place. It is used again when nobody can reach it. */
  allocate(byteLength: number): Uint8Array;
}

export interface ViewOptions {
  readonly rank: number;
  readonly size: number;
  readonly view: number;
  readonly thread: UcxThread;
  readonly pool: MemoryPool;
  /** Whether the process may end while a message is waited for. */
  readonly background: boolean;
  readonly describe: (status: number) => string;
  readonly onClosed: () => void;
}

/** Up to here a message is copied: cheaper than waiting for the thread to let go of it. */
const copyLimit = 8192;
/** Bytes that may be copied for sends ahead of the thread; beyond, a send waits until UCX has taken its bytes. */
const maxAhead = 4 * 2 ** 20;

/** Bytes where UCX may touch them: the caller's own, or a copy. */
interface Place {
  readonly address: number;
  readonly region?: Region;
}

export class ViewTransport implements UcxTransport {
  readonly rank: number;
  readonly size: number;
  readonly #options: ViewOptions;
  readonly #gone = new Map<number, PeerLostError>();
  readonly #pending = new Set<(error: Error) => void>();
  readonly #staging = new Staging((byteLength) => this.allocate(byteLength));
  #ahead = 0;
  #closed: Promise<void> | undefined;

  constructor(options: ViewOptions) {
    this.rank = options.rank;
    this.size = options.size;
    this.#options = options;
  }

  async send(to: number, tag: number, bytes: Uint8Array): Promise<void> {
    checkPeer(to, this);
    this.#checkOpen();
    const gone = this.#gone.get(to);
    if (gone) throw gone;
    const place = this.#place(bytes);
    place.region?.bytes.set(bytes);
    if (place.region && this.#ahead + bytes.length <= maxAhead) this.#sendCopy(to, tag, place, bytes.length);
    else await this.#call(command.send, to, tag, bytes, place);
  }

  async recv(from: number, tag: number, into: Uint8Array): Promise<void> {
    checkPeer(from, this);
    this.#checkOpen();
    const place = this.#place(into);
    await this.#call(command.recv, from, tag, into, place);
  }

  lose(peer: number, error: PeerLostError = new PeerLostError(peer)): void {
    checkPeer(peer, this);
    if (this.#gone.has(peer)) return;
    this.#gone.set(peer, error);
    this.#options.thread.lose(groupOf(this.#options.view, peer));
  }

  allocate(byteLength: number): Uint8Array {
    return this.#options.pool.allocate(byteLength);
  }

  offload(configuration: GroupConfiguration): Offload {
    const { thread } = this.#options;
    thread.offload(this.#group, configuration);
    return {
      execute: (call) => this.#staging.execute(call, (shared) => this.#execute(shared)),
      fail: () => thread.fail(this.#group),
    };
  }

  close(): Promise<void> {
    this.#closed ??= this.#leave();
    return this.#closed;
  }

  /** The thread has found a peer gone. */
  hear(peer: number, why: number): void {
    if (!this.#gone.has(peer)) this.#gone.set(peer, lossOf(peer, why, this.#options.describe));
  }

  /** Ends all calls at once: the thread is no more. */
  end(): void {
    this.#closed ??= Promise.resolve();
    this.#reject();
  }

  /** This rank in this view. */
  get #group(): number {
    return groupOf(this.#options.view, this.rank);
  }

  #checkOpen(): void {
    if (this.#closed) throw this.#left();
  }

  #left(): PeerLostError {
    return new PeerLostError(this.rank, `transport: rank ${this.rank} has left`);
  }

  #place(bytes: Uint8Array): Place {
    if (bytes.length === 0 || bytes.length > copyLimit) return { address: addressOf(bytes) };
    const region = this.#options.pool.take(bytes.length);
    return { address: region.address, region };
  }

  /** Nobody waits: the bytes are the bridge's already. */
  #sendCopy(to: number, tag: number, { address, region }: Place, length: number): void {
    const { thread, pool, view } = this.#options;
    this.#ahead += length;
    const release = (): void => {
      this.#ahead -= length;
      if (region) pool.give(region);
    };
    const call = { urgent: false, holds: false, settle: () => {}, release };
    thread.issue({ code: command.send, group: groupOf(view, to), tag, address, length }, call);
  }

  /** Keeps hold of `bytes`, though the promise may reject before, until UCX does not touch them any more. */
  #call(code: number, peer: number, tag: number, bytes: Uint8Array, { address, region }: Place): Promise<void> {
    const { thread, pool, view, background } = this.#options;
    const { length } = bytes;
    return new Promise((resolve, reject) => {
      this.#pending.add(reject);
      const settle = (outcome: number, value: number): void => {
        const open = this.#pending.delete(reject);
        if (open && outcome === report.done && region && code === command.recv)
          bytes.set(region.bytes.subarray(0, length));
        if (outcome === report.done) resolve();
        else reject(this.#failure(outcome, value, peer, length));
      };
      const release = (): void => {
        if (region) pool.give(region);
      };
      const call = { urgent: true, holds: !background, settle, release };
      thread.issue({ code, group: groupOf(view, peer), tag, address, length }, call);
    });
  }

  async #execute(sharedCall: SharedCall): Promise<CallTraffic> {
    this.#checkOpen();
    const { thread } = this.#options;
    return new Promise((resolve, reject) => {
      this.#pending.add(reject);
      const settle = (outcome: number, value: number, detail: number): void => {
        this.#pending.delete(reject);
        if (outcome === report.executed)
          resolve({ bytesSent: value, ...(detail !== 0 && { partners: thread.message() as number[] }) });
        else if (outcome === report.failed) reject(this.#sameLoss(errorOf(thread.message() as Failure)));
        else reject(thread.failure ?? lossOf(this.rank, value, this.#options.describe));
      };
      // The deadlines are the thread's, so that here nothing else keeps the process from ending.
      const text = this.#textOf(sharedCall);
      const call = { urgent: true, holds: true, settle, release: () => arena().free(text) };
      const { byteOffset: address, length } = text;
      thread.issue({ code: command.execute, group: this.#group, address, length }, call);
    });
  }

  /** What the thread is to do, where it can read it. @throws {RangeError} where not even for that there is room */
  #textOf(sharedCall: SharedCall): Uint8Array {
    const text = JSON.stringify(sharedCall);
    const bytes = arena().allocate(text.length);
    if (!arena().holds(bytes)) throw new RangeError(`ucx: expected room for ${text.length} bytes, got none`);
    Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).write(text, 'latin1');
    return bytes;
  }

  /** A loss in the words of who noticed it first. */
  #sameLoss(error: Error): Error {
    return (error instanceof PeerLostError && this.#gone.get(error.peer as number)) || error;
  }

  #failure(outcome: number, value: number, peer: number, length: number): Error {
    if (outcome === report.wrongLength) return wrongLengthOf(peer, { expected: length, got: value });
    return this.#gone.get(peer) ?? lossOf(peer, value, this.#options.describe);
  }

  #reject(): void {
    for (const reject of this.#pending) reject(this.#left());
    this.#pending.clear();
  }

  async #leave(): Promise<void> {
    this.#reject();
    const { thread, onClosed } = this.#options;
    await new Promise<void>((resolve) => {
      const call = { urgent: true, holds: true, settle: () => resolve(), release: () => {} };
      thread.issue({ code: command.leave, group: this.#group }, call);
    });
    this.#staging.clear();
    onClosed();
  }
}
