// The door of the hub: a connection becomes a member only by proving, in time, that it knows the job's token. Before
// that nothing it sends is parsed but one frame of fixed form.

import { randomBytes } from 'node:crypto';
import { closeCode, decodeFrame, encodeFrame, nonceBytes, ProtocolError, verify } from '@lockstep/collectives';
import type { WebSocket } from 'ws';

export interface AdmissionOptions {
  readonly token: string;
  readonly timeoutMs: number;
}

/** The name of the worker at the other end. Rejects with `ProtocolError`, whose `closeCode` is the reason to close. */
export async function admit(socket: WebSocket, { token, timeoutMs }: AdmissionOptions): Promise<string> {
  const nonce = randomBytes(nonceBytes);
  socket.send(encodeFrame('challenge', nonce));
  const frame = decodeFrame(await firstMessage(socket, timeoutMs));
  if (frame.kind !== 'proof') throw new ProtocolError(`hub: expected a proof first, got a ${frame.kind} frame`);
  const name = await verify(token, nonce, frame.payload);
  if (name === undefined)
    throw new ProtocolError('hub: expected proof of the token, got a wrong one', closeCode.wrongToken);
  // It may have ended while its proof was checked, and does so only once: nobody would hear of it later.
  if (socket.readyState !== socket.OPEN) throw closed();
  return name;
}

const closed = (): ProtocolError => new ProtocolError('hub: expected proof of the token, got a closed connection');

function firstMessage(socket: WebSocket, timeoutMs: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const late = (): void =>
      reject(new ProtocolError(`hub: expected proof of the token within ${timeoutMs} ms`, closeCode.deadline));
    const timer = setTimeout(late, timeoutMs);
    socket.once('close', () => {
      clearTimeout(timer);
      reject(closed());
    });
    socket.once('message', (data: Buffer, isBinary: boolean) => {
      clearTimeout(timer);
      if (isBinary) resolve(data);
      else reject(new ProtocolError('hub: expected binary messages, got text'));
    });
  });
}
