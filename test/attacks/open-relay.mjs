// Somebody on the way between a worker and its hub: passes WebSocket messages on, both ways, and may do something else with those of one
// direction. JavaScript, for a process of a job loads it, too.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { WebSocket, WebSocketServer } from 'ws';

/** @typedef {'to hub' | 'to worker'} Direction */

/** Gives what is to be sent instead of the nth message of a direction, counted from 0. @typedef {(message: Buffer, n: number, direction: Direction) => readonly Buffer[]} Tamper */

/**
 * Relays to `url`.
 * @param {string} url @param {Tamper} tamper
 * @returns {Promise<{ url: string, unref(): void, close(): void }>} where it listens; closing ends all that it relays
 */
export async function openRelay(url, tamper) {
  const listening = createServer().listen(0, '127.0.0.1');
  await once(listening, 'listening');
  const server = new WebSocketServer({ server: listening });
  server.on('connection', (worker) => {
    const hub = new WebSocket(url);
    pass(worker, hub, 'to hub', tamper);
    pass(hub, worker, 'to worker', tamper);
  });
  return {
    url: `ws://127.0.0.1:${/** @type {import('node:net').AddressInfo} */ (listening.address()).port}`,
    unref: () => void listening.unref(),
    close() {
      for (const client of server.clients) client.terminate();
      server.close();
      listening.close();
    },
  };
}

/** @param {WebSocket} from @param {WebSocket} to @param {Direction} direction @param {Tamper} tamper */
function pass(from, to, direction, tamper) {
  /** @type {Buffer[]} */
  const early = [];
  let count = 0;
  /** @param {Buffer} bytes */
  const send = (bytes) => void (to.readyState === WebSocket.OPEN ? to.send(bytes) : early.push(bytes));
  to.on('open', () => early.splice(0).forEach(send));
  from.on('message', (data) => tamper(/** @type {Buffer} */ (data), count++, direction).forEach(send));
  from.on('close', (code, reason) => to.close(code >= 4000 || code === 1000 ? code : 1000, reason));
  from.on('error', () => undefined);
}
