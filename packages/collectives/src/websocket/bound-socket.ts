// A socket whose messages are bound to the handshake, from when that is over: each goes out behind its tag and is handed
// on only if its tag is right. Where tags take time, as in a browser, messages keep their order.

import { closeCode } from '../close-code.ts';
import { ProtocolError } from '../protocol-error.ts';
import type { MessageBytes } from './frame.ts';
import type { SocketLike } from './socket.ts';
import { concat, type NextTag, sameTag, tagBytes, webTags } from './tags.ts';

/** One for each direction, as this side sees it. */
export interface ConnectionKeys {
  readonly send: Uint8Array<ArrayBuffer>;
  readonly receive: Uint8Array<ArrayBuffer>;
}

/** What the sender of a frame is told. */
export interface Told {
  /** Its parts may be reused. */
  readonly written?: (() => void) | undefined;
  /** The system has taken it; not on every platform. */
  readonly sent: () => void;
}

/** Up to this many bytes are cheaper to copy behind their header than to send by themselves. */
const copiedBytes = 16 * 1024;

const nothing = new Uint8Array(0);

export class BoundSocket {
  readonly socket: SocketLike;
  readonly #refuse: (error: Error) => void;
  #sendTag: NextTag | undefined;
  #receiveTag: NextTag | undefined;
  /** The last message that waits for its tag. */
  #sending: Promise<void> | undefined;
  #sendingBytes = 0;
  /** The last message whose tag is being checked. */
  #checking: Promise<void> | undefined;

  /** What fails later than it was asked for goes to `refuse`, which ends the connection: without its tag no message can follow. */
  constructor(socket: SocketLike, refuse: (error: Error) => void = () => {}) {
    this.socket = socket;
    this.#refuse = refuse;
  }

  /** Bytes that the system has not taken. */
  get bufferedAmount(): number {
    return this.socket.bufferedAmount + this.#sendingBytes;
  }

  /** The handshake is over: all messages have tags from now on. */
  bind({ send, receive }: ConnectionKeys): void {
    this.#sendTag = this.#tagsOf(send);
    this.#receiveTag = this.#tagsOf(receive);
  }

  /** Sends a frame in parts, the header first, as one message. */
  send(parts: readonly Uint8Array[], told: Told): void {
    if (!this.#sendTag) return this.#put(parts, told);
    const tag = this.#sendTag(parts);
    if (tag instanceof Promise) this.#sendLater(tag, concat(parts), told);
    else this.#put([concat([tag, parts[0]!]), ...parts.slice(1)], told);
  }

  /** Resolves when the socket has all that was sent. */
  async drained(): Promise<void> {
    await this.#sending;
  }

  /** Gives a message without its tag to `take`; where checking takes time, later. */
  receive(message: MessageBytes, take: (message: MessageBytes) => void): void {
    if (!this.#receiveTag) return take(message);
    const { tag, rest } = splitTag(message);
    const right = this.#receiveTag(rest);
    if (!(right instanceof Promise)) return takeIf(sameTag(tag, right), rest, take);
    const before = this.#checking;
    const check = async (): Promise<void> => {
      const value = await right;
      await before;
      takeIf(sameTag(tag, value), rest, take);
    };
    this.#checking = check().catch(this.#refuse);
  }

  /** Calls `then` when all that has come was handed on. */
  afterwards(then: () => void): void {
    if (this.#checking) void this.#checking.then(then);
    else then();
  }

  #tagsOf(key: Uint8Array<ArrayBuffer>): NextTag {
    return this.socket.tags?.(key) ?? webTags(key);
  }

  #sendLater(tag: Promise<Uint8Array>, copy: Uint8Array, { written, sent }: Told): void {
    const length = tagBytes + copy.length;
    this.#sendingBytes += length;
    const before = this.#sending;
    const send = async (): Promise<void> => {
      const value = await tag;
      await before;
      this.#sendingBytes -= length;
      this.#put([value, copy], { sent });
      sent();
    };
    this.#sending = send().catch(this.#refuse);
    written?.();
  }

  #put(parts: readonly Uint8Array[], { written, sent }: Told): void {
    const [head, ...payload] = parts;
    if (this.socket.sendParts && payload.some(({ length }) => length > copiedBytes)) {
      this.socket.sendParts(head!, payload, () => {
        written?.();
        sent();
      });
    } else {
      this.socket.send(concat(parts), sent);
      written?.();
    }
  }
}

function takeIf(isRight: boolean, message: MessageBytes, take: (message: MessageBytes) => void): void {
  if (!isRight) throw new ProtocolError('expected a message as the other side sent it, got another', closeCode.forged);
  take(message);
}

/** Lockstep's own processes send the tag with the header; others may cut anywhere. */
function splitTag(message: MessageBytes): { tag: Uint8Array; rest: readonly Uint8Array[] } {
  const parts = message instanceof Uint8Array ? [message] : message;
  const [first = nothing, ...others] = parts;
  if (first.length >= tagBytes)
    return { tag: first.subarray(0, tagBytes), rest: [first.subarray(tagBytes), ...others] };
  const whole = concat(parts);
  if (whole.length < tagBytes) throw new ProtocolError(`expected a tag of ${tagBytes} bytes, got ${whole.length}`);
  return { tag: whole.subarray(0, tagBytes), rest: [whole.subarray(tagBytes)] };
}
