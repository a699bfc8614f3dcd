// Who may come in, at a hub or at a worker: only who has proved that it knows the job's token, and is who it says it is.
// Before that nothing it sends is parsed but one frame of fixed form. See proof.ts; seats and deadlines are strangers.ts.

import type { Connection } from '../websocket/connection.ts';
import { ProtocolError } from '../protocol-error.ts';
import { encodeFrame, payloadOf } from '../websocket/frame.ts';
import { checkProof, deriveKeys, makeNonce, proveAcceptance, type Secret } from '../websocket/proof.ts';
import type { Arrival, OpenServer } from './server.ts';

export interface DoorOptions {
  /** Whose door it is, in the log. */
  readonly who: string;
  readonly job: string;
  /** What the one of a name has to know; undefined for a name that nobody has who may come in. */
  readonly secretOf: (name: string) => Secret | undefined;
  /** Takes a proven connection, or throws `ProtocolError`. It has to call `read` on it before it returns. */
  readonly admit: (name: string, connection: Connection) => void;
  /** Gets one line for each that was let in and then cut off; the server's log has the strangers. */
  readonly log: (line: string) => void;
}

export class Door {
  readonly #server: OpenServer;
  readonly #options: DoorOptions;
  readonly #open = new Set<Connection>();

  constructor(server: OpenServer, options: DoorOptions) {
    this.#server = server;
    this.#options = options;
    server.onConnection((arrival) => void this.#receive(arrival));
  }

  /** Ends all connections, those that were let in too. */
  async close(code: number, reason: string): Promise<void> {
    await Promise.all([...this.#open].map((connection) => connection.close(code, reason)));
  }

  async #receive({ connection, admit }: Arrival): Promise<void> {
    let name: string | undefined;
    this.#open.add(connection);
    void connection.ended.then(({ error }) => {
      this.#open.delete(connection);
      if (!error) return;
      if (name === undefined) this.#server.strangerLog.line(`connection of a stranger ended: ${error.message}`);
      else this.#options.log(`${this.#options.who}: connection of ${name} ended: ${error.message}`);
    });
    try {
      name = await this.#admit(connection, admit);
    } catch (error) {
      connection.refuse(error as Error);
    }
  }

  async #admit(connection: Connection, admit: () => void): Promise<string> {
    const { job, secretOf } = this.#options;
    const challenge = makeNonce();
    connection.outbox.post(encodeFrame('challenge', challenge));
    const { claim, secret } = await checkProof(secretOf, { challenge, proof: await firstFrame(connection), job });
    const acceptance = await proveAcceptance(secret, { challenge, claim, job });
    const { send, receive } = await deriveKeys(secret, { challenge, claim, job });
    // It may have ended meanwhile, and does so only once: nobody would hear of it later.
    if (connection.isEnded) throw new ProtocolError('got a closed connection');
    connection.outbox.post(encodeFrame('accept', acceptance));
    connection.bind({ send: receive, receive: send });
    this.#options.admit(claim.name, connection);
    admit();
    return claim.name;
  }
}

async function firstFrame(connection: Connection): Promise<Uint8Array> {
  const frame = await connection.next();
  if (frame.kind !== 'proof') throw new ProtocolError(`expected a proof first, got a ${frame.kind} frame`);
  return payloadOf(frame);
}
