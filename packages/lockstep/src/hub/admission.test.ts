import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { encodeFrame, prove } from '@lockstep/collectives';
import { expect, onTestFinished, test, vi } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { admit } from './admission.ts';

const token = 'secret';

test('a connection that ends while its proof is checked is not admitted', async () => {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  onTestFinished(() => {
    server.close();
  });
  await once(server, 'listening');
  const client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
  client.once('message', (challenge: Buffer) => void answer(client, challenge));
  const [socket] = (await once(server, 'connection')) as [WebSocket];

  const check = vi.spyOn(crypto.subtle, 'verify').mockImplementation(async () => {
    client.terminate();
    await once(socket, 'close');
    return true;
  });
  onTestFinished(() => check.mockRestore());
  await expect(admit(socket, { token, timeoutMs: 10_000 })).rejects.toThrow('got a closed connection');
  expect(check).toHaveBeenCalledOnce();
});

async function answer(client: WebSocket, challenge: Buffer): Promise<void> {
  client.send(encodeFrame('proof', await prove(token, challenge.subarray(24), 'worker-0')));
}
