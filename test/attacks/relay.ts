// Somebody on the way between a worker and its hub: passes WebSocket messages on, both ways, and may do something else with
// those of one direction.
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';

export type Direction = 'to hub' | 'to worker';

/** Gives what is to be sent instead of the nth message of a direction, counted from 0. */
export type Tamper = (message: Buffer, n: number, direction: Direction) => readonly Buffer[];

/** The handshake of one connection: what each side sends before its frames are bound to it. */
export const handshakeMessages: Record<Direction, number> = { 'to hub': 1, 'to worker': 2 };

/** Relays to `url`; resolves to its own. */
export async function relayTo(url: string, tamper: Tamper): Promise<string> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  onTestFinished(() => {
    for (const client of server.clients) client.terminate();
    server.close();
  });
  server.on('connection', (worker) => {
    const hub = new WebSocket(url);
    pass(worker, hub, 'to hub', tamper);
    pass(hub, worker, 'to worker', tamper);
  });
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function pass(from: WebSocket, to: WebSocket, direction: Direction, tamper: Tamper): void {
  const early: Buffer[] = [];
  let count = 0;
  const send = (bytes: Buffer): void => void (to.readyState === WebSocket.OPEN ? to.send(bytes) : early.push(bytes));
  to.on('open', () => early.splice(0).forEach(send));
  from.on('message', (data: Buffer) => tamper(data, count++, direction).forEach(send));
  from.on('close', (code, reason) => to.close(code >= 4000 || code === 1000 ? code : 1000, reason));
  from.on('error', () => undefined);
}
