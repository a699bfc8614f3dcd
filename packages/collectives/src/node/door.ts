// Where connections come in, at a hub or at a worker: one is let in only when it has proved, in time, that it knows the
// job's token. Before that nothing it sends is parsed but one frame of fixed form. See proof.ts.

import { closeCode } from '../close-code.ts';
import { Connection } from '../websocket/connection.ts';
import { ProtocolError } from '../errors.ts';
import { encodeFrame, payloadOf } from '../websocket/frame.ts';
import type { OutboxOptions } from '../websocket/outbox.ts';
import { checkProof, makeNonce, proveAcceptance, type Secret } from '../websocket/proof.ts';
import type { NodeSocket } from './node-socket.ts';
import type { OpenServer } from './server.ts';

export interface DoorOptions extends OutboxOptions, Secret {
  /** Whose door it is, in the log. */
  readonly who: string;
  readonly job: string;
  /** Connections that may be open at once. */
  readonly maxConnections: number;
  /** How long a connection may take to prove the token, ms. */
  readonly timeoutMs: number;
  /** Takes a proven connection, or throws `ProtocolError`. It has to call `read` on it before it returns. */
  readonly admit: (name: string, connection: Connection) => void;
  /** Gets one line per connection that was turned away or cut off. */
  readonly log: (line: string) => void;
}

/** A proof is shorter; nothing else may come before it was checked. */
const maxHeldBytes = 1024;

export class Door {
  readonly #options: DoorOptions;
  readonly #open = new Set<Connection>();

  constructor(server: OpenServer, options: DoorOptions) {
    this.#options = options;
    server.onConnection((socket) => void this.#receive(socket));
  }

  /** Ends all connections, those that were let in too. */
  async close(code: number, reason: string): Promise<void> {
    await Promise.all([...this.#open].map((connection) => connection.close(code, reason)));
  }

  async #receive(socket: NodeSocket): Promise<void> {
    const { maxBufferedBytes = 2 * 2 ** 20, who, log } = this.#options;
    const connection = new Connection(socket, { maxBufferedBytes, maxHeldBytes }, true);
    let name: string | undefined;
    this.#open.add(connection);
    void connection.ended.then(({ error }) => {
      this.#open.delete(connection);
      if (error) log(`${who}: connection of ${name ?? 'a stranger'} ended: ${error.message}`);
    });
    try {
      if (this.#open.size > this.#options.maxConnections)
        throw new ProtocolError('too many connections', closeCode.full);
      name = await this.#admit(connection);
      socket.expectBulk();
    } catch (error) {
      connection.refuse(error as Error);
    }
  }

  async #admit(connection: Connection): Promise<string> {
    const { job, admit } = this.#options;
    const challenge = makeNonce();
    connection.outbox.post(encodeFrame('challenge', challenge));
    const claim = await checkProof(this.#options, { challenge, proof: await this.#proof(connection), job });
    const acceptance = await proveAcceptance(this.#options, { challenge, claim, job });
    // It may have ended meanwhile, and does so only once: nobody would hear of it later.
    if (connection.isEnded) throw new ProtocolError('got a closed connection');
    connection.outbox.post(encodeFrame('accept', acceptance));
    admit(claim.name, connection);
    return claim.name;
  }

  async #proof(connection: Connection): Promise<Uint8Array> {
    const { timeoutMs } = this.#options;
    const late = (): void =>
      connection.refuse(new ProtocolError(`expected proof of the token within ${timeoutMs} ms`, closeCode.deadline));
    const timer = setTimeout(late, timeoutMs);
    try {
      const frame = await connection.next();
      if (frame.kind !== 'proof') throw new ProtocolError(`expected a proof first, got a ${frame.kind} frame`);
      return payloadOf(frame);
    } finally {
      clearTimeout(timer);
    }
  }
}
