// The seats of those who have connected and proved nothing yet, in whatever state: a bare socket, TLS, HTTP or a WebSocket
// that says nothing. They are bounded in number and time, and apart from those who were let in, so that strangers can
// neither use up descriptors nor lock anybody out: where all seats are taken, the oldest of the most crowded address goes.

import type { Socket } from 'node:net';
import { closeCode } from '../close-code.ts';
import type { Connection } from '../websocket/connection.ts';
import { ProtocolError } from '../protocol-error.ts';

export interface StrangersOptions {
  /** Seats. */
  readonly maxStrangers?: number;
  /** How long one may take from its first packet until it has proved the token, ms. */
  readonly timeoutMs: number;
}

interface Seat {
  readonly address: string | undefined;
  readonly socket: Socket;
  connection?: Connection;
}

export class Strangers {
  readonly #max: number;
  readonly #timeoutMs: number;
  /** By the other end's address and port, the oldest first. */
  readonly #seats = new Map<string, Seat>();

  constructor({ maxStrangers = 64, timeoutMs }: StrangersOptions) {
    this.#max = maxStrangers;
    this.#timeoutMs = timeoutMs;
  }

  /** Gives a seat to a socket that was just accepted. */
  seat(socket: Socket): void {
    const key = keyOf(socket);
    const seat: Seat = { address: socket.remoteAddress, socket };
    this.#seats.set(key, seat);
    const timer = setTimeout(() => this.#late(seat), this.#timeoutMs);
    timer.unref();
    socket.once('close', () => {
      clearTimeout(timer);
      if (this.#seats.get(key) === seat) this.#seats.delete(key);
    });
    if (this.#seats.size > this.#max) this.#pushOut(this.#oldestOfMany());
  }

  /** The one behind `socket` speaks through `connection` now. False where it has just lost its seat. */
  upgraded(socket: Socket, connection: Connection): boolean {
    const seat = this.#seats.get(keyOf(socket));
    if (seat) seat.connection = connection;
    return seat !== undefined;
  }

  /** The one behind `socket` is a stranger no more. */
  admitted(socket: Socket): void {
    this.#seats.delete(keyOf(socket));
  }

  /** Ends them all. */
  close(): void {
    for (const seat of this.#seats) this.#pushOut(seat);
  }

  #late(seat: Seat): void {
    if (![...this.#seats.values()].includes(seat)) return;
    const late = new ProtocolError(`expected proof of the token within ${this.#timeoutMs} ms`, closeCode.deadline);
    if (seat.connection && !seat.connection.isEnded) seat.connection.refuse(late);
    else seat.socket.destroy();
  }

  #oldestOfMany(): [string, Seat] {
    const crowd = new Map<string | undefined, number>();
    for (const { address } of this.#seats.values()) crowd.set(address, (crowd.get(address) ?? 0) + 1);
    const most = Math.max(...crowd.values());
    return [...this.#seats].find(([, { address }]) => crowd.get(address) === most)!;
  }

  /** At once: a farewell that is waited for would hold its descriptor. */
  #pushOut([key, { socket, connection }]: [string, Seat]): void {
    this.#seats.delete(key);
    connection?.refuse(new ProtocolError('too many connections without a proof, the oldest goes', closeCode.crowded));
    connection?.terminate();
    socket.destroy(); // also where the connection has ended, and its other side does not hang up
  }
}

/** The same for all sockets that lie over each other. */
const keyOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`;
