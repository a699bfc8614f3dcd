// One WebSocket as a stream of frames, on either side: it holds what comes before anybody reads, decodes, and ends with a
// reason. Whether the other side may be believed is decided in dial.ts and node/door.ts, which then bind the connection
// to what was agreed (bound-socket.ts).

import { closeCode } from '../close-code.ts';
import { ProtocolError } from '../protocol-error.ts';
import { BoundSocket, type ConnectionKeys } from './bound-socket.ts';
import { copyFrame, decodeFrame, type Frame, type MessageBytes } from './frame.ts';
import { Outbox, type OutboxOptions } from './outbox.ts';
import { bytesOfMessage, type SocketLike } from './socket.ts';
import { concat } from './tags.ts';

export interface ConnectionOptions extends OutboxOptions {
  /** Bytes that may come before somebody reads them. */
  readonly maxHeldBytes?: number;
}

/** Why a connection has ended. */
export interface ConnectionEnd {
  readonly code: number;
  readonly reason: string;
  /** Whether there ever was one. */
  readonly wasOpen: boolean;
  /** What this side found wrong, where that is why. */
  readonly error?: Error;
}

/** How long the other side may take to answer a close before it is cut. */
const cutMs = 1_000;
/** The same after a farewell, when all that is still in the socket has to go out first. */
const farewellMs = 5_000;
/** What a held message counts beside its bytes, so that empty ones are bounded too. */
const messageOverhead = 64;
/** WebSocket allows 123; a character that is cut becomes one of three bytes. */
const maxReasonBytes = 120;

export class Connection {
  readonly outbox: Outbox;
  /** Resolves once: when the socket has closed, or at once when this side refuses what came. */
  readonly ended: Promise<ConnectionEnd>;
  readonly socket: SocketLike;
  readonly #bound: BoundSocket;
  readonly #maxHeldBytes: number;
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  #reader: ((frame: Frame) => void) | undefined;
  #wasOpen: boolean;
  #isEnded = false;
  #error: Error | undefined;
  #resolveEnded!: (end: ConnectionEnd) => void;

  /** `isOpen` for a socket that was accepted. */
  constructor(socket: SocketLike, { maxHeldBytes = 8 * 2 ** 20, ...outbox }: ConnectionOptions, isOpen = false) {
    this.socket = socket;
    this.#bound = new BoundSocket(socket, this.#refuse);
    this.outbox = new Outbox(this.#bound, outbox, (error) => this.refuse(error));
    this.#maxHeldBytes = maxHeldBytes;
    this.#wasOpen = isOpen;
    this.ended = new Promise((resolve) => (this.#resolveEnded = resolve));
    if (socket.binaryType === 'blob') socket.binaryType = 'arraybuffer';
    socket.addEventListener('open', () => (this.#wasOpen = true));
    socket.addEventListener('error', ({ message = '', error }) =>
      this.#note(error instanceof Error ? error : new Error(message)),
    );
    socket.addEventListener('message', ({ data }) => this.#take(data));
    socket.addEventListener('close', ({ code, reason }) => this.#bound.afterwards(() => this.#end({ code, reason })));
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** The handshake is over: from now on only what the other side of it sends is taken. */
  bind(keys: ConnectionKeys): void {
    this.#bound.bind(keys);
    for (const message of this.#release()) this.#take(message);
  }

  /** Passes a frame on at once, whatever waits. */
  forward(parts: readonly Uint8Array[], sent: () => void): void {
    this.#bound.send(parts, { sent });
  }

  /** Gives all frames from now on, and those that were held, to `reader`; what it throws ends the connection. */
  read(reader: (frame: Frame) => void): void {
    this.#reader = reader;
    for (const message of this.#release()) this.#guard(message);
  }

  /** The next frame; those after it are held. Rejects when the connection ends first. */
  async next(): Promise<Frame> {
    const first = new Promise<Frame>((resolve) => {
      this.#reader = (frame) => {
        this.#reader = undefined;
        resolve(copyFrame(frame));
      };
    });
    const held = this.#held.shift();
    if (held) this.#guard(held);
    return Promise.race([first, this.ended.then(() => Promise.reject(new ProtocolError('got a closed connection')))]);
  }

  /** Ends because of what came: the close code is that of a `ProtocolError`, the reason its message. */
  refuse(error: Error): void {
    if (this.#isEnded) return;
    this.#error = error;
    const code = error instanceof ProtocolError ? error.closeCode : closeCode.malformed;
    this.#close(code, error.message, cutMs);
    this.#end({ code, reason: error.message });
  }

  /** Ends as planned. What is in the socket still goes out; resolves when the other side has had it. */
  async close(code: number = closeCode.normal, reason = ''): Promise<void> {
    if (!this.#isEnded) {
      await this.outbox.drained();
      this.#close(code, reason, code === closeCode.normal ? farewellMs : cutMs);
    }
    await this.ended;
  }

  /** Ends as a crash would, where the platform can. */
  terminate(): void {
    if (this.socket.terminate) this.socket.terminate();
    else this.socket.close();
  }

  #take(data: unknown): void {
    if (this.#isEnded) return;
    try {
      this.#bound.receive(bytesOfMessage(data), this.#hand);
    } catch (error) {
      this.refuse(error as Error);
    }
  }

  #guard(message: MessageBytes): void {
    try {
      this.#hand(message);
    } catch (error) {
      this.refuse(error as Error);
    }
  }

  readonly #hand = (message: MessageBytes): void => {
    if (this.#isEnded) return;
    if (this.#reader) this.#reader(decodeFrame(message));
    else this.#hold(message);
  };

  readonly #refuse = (error: Error): void => this.refuse(error);

  /** A copy: a socket may use the memory again in which a message came. */
  #hold(message: MessageBytes): void {
    const copy = concat(message instanceof Uint8Array ? [message] : message);
    this.#heldBytes += copy.length + messageOverhead;
    if (this.#heldBytes <= this.#maxHeldBytes) this.#held.push(copy);
    else this.refuse(new ProtocolError('expected an answer to be waited for, got more', closeCode.flood));
  }

  #release(): Uint8Array[] {
    this.#heldBytes = 0;
    return this.#held.splice(0);
  }

  /** A close follows. Before there is a connection, the error only says why there will be none. */
  #note(error: Error & { readonly code?: string }): void {
    const code = /UNSUPPORTED/.test(error.code ?? '') ? closeCode.tooBig : closeCode.malformed;
    if (this.#wasOpen) this.refuse(new ProtocolError(error.message, code));
    else this.#error ??= error;
  }

  #close(code: number, reason: string, timeoutMs: number): void {
    this.outbox.close();
    this.socket.resume?.(); // a paused socket would never see the answer
    this.socket.close(code, cut(reason));
    const timer = setTimeout(() => this.terminate(), timeoutMs);
    this.socket.addEventListener('close', () => clearTimeout(timer));
  }

  #end(end: { code: number; reason: string }): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.outbox.close();
    this.#held = [];
    this.#resolveEnded({ ...end, wasOpen: this.#wasOpen, ...(this.#error && { error: this.#error }) });
  }
}

function cut(reason: string): string {
  return new TextDecoder().decode(new TextEncoder().encode(reason).subarray(0, maxReasonBytes));
}
