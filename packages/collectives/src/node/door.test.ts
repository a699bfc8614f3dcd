import { expect, onTestFinished, test, vi } from 'vitest';
import { Connection } from '../websocket/connection.ts';
import { shakeHands } from '../websocket/dial.ts';
import { Door } from './door.ts';
import { openSocket } from './node-socket.ts';
import { type OpenServer, openServer } from './server.ts';

const secret = { token: 'secret', purpose: 'hub' } as const;

/** A door that notes whom it lets in. */
async function start(): Promise<{ server: OpenServer; admitted: string[]; letIn: () => void }> {
  const server = await openServer({ host: '127.0.0.1', port: 0, who: 'hub', timeoutMs: 10_000, log: () => {} });
  onTestFinished(() => server.close());
  const admitted: string[] = [];
  const admit = (name: string): void => void admitted.push(name);
  const options = { who: 'hub', job: 'moby', secretOf: () => secret, admit, log: () => {} };
  return { server, admitted, letIn: () => void new Door(server, options) };
}

const shake = (connection: Connection): Promise<string> => shakeHands(connection, { ...secret, name: 'a' });

test('a connection that came before the door was opened is let in then', async () => {
  const { server, admitted, letIn } = await start();
  const connection = new Connection(openSocket(server.url), {});
  const shaking = shake(connection);
  await new Promise((resolve) => connection.socket.addEventListener('open', resolve));
  letIn();
  expect(await shaking).toBe('moby');
  expect(admitted).toEqual(['a']);
  connection.terminate();
});

test('a connection that ends while its proof is checked is not admitted', async () => {
  const { server, admitted, letIn } = await start();
  letIn();
  const connection = new Connection(openSocket(server.url), {});
  const check = vi.spyOn(crypto.subtle, 'verify').mockImplementation(async () => {
    connection.terminate();
    await connection.ended;
    await new Promise((resolve) => setTimeout(resolve, 50)); // for the other side to see it
    return true;
  });
  onTestFinished(() => check.mockRestore());
  await expect(shake(connection)).rejects.toThrow('closed connection');
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(check).toHaveBeenCalledOnce();
  expect(admitted).toEqual([]);
});
