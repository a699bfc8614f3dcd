// A page as a worker: it has no port of its own, so what it sends and receives goes through the hub.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect } from '@lockstep/collectives/node';
import { expect, onTestFinished, test } from 'vitest';
import { startHub } from '../packages/lockstep/src/hub/hub.ts';
import { bundleForPage } from './browser/bundle.ts';
import { launchChromium } from './browser/launch.ts';

const token = 'secret';
const lengths = [10, 50_000, 3_000_000];

/** The origin of a page of this machine: one that is only made up may not connect to it. */
async function serve(script: string): Promise<string> {
  const server = createServer(({ url }, response) => {
    const isScript = url === '/exchange.js';
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html');
    response.end(isScript ? script : '<!doctype html>');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('a page and a process exchange messages of all sizes', async ({ skip }) => {
  const browser = await launchChromium();
  if (!browser) return skip('LOCKSTEP_CHROMIUM names no browser');
  const { outputFiles } = await bundleForPage(new URL('browser/exchange.ts', import.meta.url));
  const origin = await serve(outputFiles[0]!.text);
  const hub = await startHub({ size: 2, token, origins: [origin] });
  try {
    const page = await browser.newPage();
    await page.goto(origin);
    const call = `exchange(${JSON.stringify(hub.url)}, ${JSON.stringify(token)}, ${JSON.stringify(lengths)})`;
    // As a string, for the import is the page's and not this file's.
    const there = page.evaluate<number[]>(`import('/exchange.js').then(({ exchange }) => ${call})`);
    const session = await connect({ url: hub.url, token, name: 'process', viewTimeoutMs: 20_000 });
    const { transport, rank } = session;
    const intos = lengths.map((length) => new Uint8Array(length));
    await Promise.all([
      ...intos.map((into, tag) => transport.recv(1 - rank, tag, into)),
      ...lengths.map((length, tag) => transport.send(1 - rank, tag, new Uint8Array(length).fill(3))),
    ]);
    expect(await there).toEqual(lengths.map((length) => 3 * length));
    expect(intos.every((into) => into.every((byte) => byte === 2))).toBe(true);
    await session.close();
  } finally {
    await browser.close();
    await hub.close();
  }
});
