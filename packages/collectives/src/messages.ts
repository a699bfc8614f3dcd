// What two ranks of a group say to each other outside of collectives: arrays, and values in two messages each.

import { checkPeer, type Transport } from './transport.ts';
import { decodeLength, decodeValue, type EncodedValue, lengthBytes } from './values.ts';
import type { Waits } from './waits.ts';

/** Tags of values begin here; those below are for bytes, and those from 2³¹ on are the collectives' own. */
const firstValueTag = 2 ** 30;
/** The tag of values that all ranks exchange. */
export const gatherTag: number = firstValueTag - 1;

export class Messages {
  readonly #transport: Transport;
  readonly #waits: Waits;
  readonly #expectOpen: () => void;
  /** The last value that is waited for, by rank and tag. */
  readonly #values = new Map<string, Promise<unknown>>();

  constructor(transport: Transport, waits: Waits, expectOpen: () => void) {
    this.#transport = transport;
    this.#waits = waits;
    this.#expectOpen = expectOpen;
  }

  async send(to: number, tag: number, bytes: Uint8Array): Promise<void> {
    this.#expectOpen();
    checkPeer(to, this.#transport);
    await this.#waits.until(
      this.#transport.send(to, tag, bytes),
      () => `send, ${bytes.length} bytes to rank ${to} with tag ${tag}`,
    );
  }

  async recv(from: number, tag: number, into: Uint8Array): Promise<void> {
    this.#expectOpen();
    checkPeer(from, this.#transport);
    await this.#waits.until(
      this.#transport.recv(from, tag, into),
      () => `recv, ${into.length} bytes from rank ${from} with tag ${tag}`,
    );
  }

  async sendValue(to: number, tag: number, value: EncodedValue): Promise<void> {
    await Promise.all(value.map((bytes) => this.send(to, firstValueTag + tag, bytes)));
  }

  /** A value is two messages, so the next one is not asked for before this one is there. */
  recvValue(from: number, tag: number): Promise<unknown> {
    const key = `${from} ${tag}`;
    const value = (this.#values.get(key) ?? Promise.resolve()).then(() => this.#nextValue(from, tag));
    // Who waits for this value hears of its failure; who waits for the next one fails by itself.
    const settled = value.catch(() => {});
    this.#values.set(key, settled);
    void settled.then(() => this.#values.get(key) === settled && this.#values.delete(key));
    return value;
  }

  async #nextValue(from: number, tag: number): Promise<unknown> {
    const length = new Uint8Array(lengthBytes);
    await this.recv(from, firstValueTag + tag, length);
    const bytes = new Uint8Array(decodeLength(length));
    await this.recv(from, firstValueTag + tag, bytes);
    return decodeValue(bytes);
  }
}
