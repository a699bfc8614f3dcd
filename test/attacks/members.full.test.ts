// What a hostile member can do to the hub's memory, at the length it takes to see it.
import { Connection, encodeControl, shakeHands } from '@lockstep/collectives';
import { connect, openSocket } from '@lockstep/collectives/node';
import { expect, onTestFinished, test, vi } from 'vitest';
import { startHub } from '../../packages/lockstep/src/hub/hub.ts';

const token = 'secret';

test('a member that asks and does not read the answers is cut off before they fill the memory', async () => {
  const lines: string[] = [];
  const hub = await startHub({ size: 2, token, log: (line) => void lines.push(line), maxBufferedBytes: 2 ** 20 });
  onTestFinished(() => hub.close());
  const joining = connect({ url: hub.url, token, name: 'a' });
  const b = new Connection(openSocket(hub.url), {});
  await shakeHands(b, { token, purpose: 'hub', name: 'b' });
  b.outbox.post(encodeControl({ kind: 'introduce', host: '~', addresses: {} }));
  const a = await joining;
  b.socket.pause!();
  const ping = encodeControl({ kind: 'ping', id: 2 ** 40 });
  let isCut = false;
  a.onGone(() => (isCut = true));
  while (!isCut) {
    for (let i = 0; i < 5_000; i++) b.outbox.post(ping);
    await b.outbox.drained(); // its own queue has the same bound
    await new Promise((resolve) => setTimeout(resolve));
  }
  await vi.waitFor(() => expect(lines.join()).toContain('expected answers to be read'));
  b.terminate();
  await a.close();
});
