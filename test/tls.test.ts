// Jobs over wss: certificates are pinned, and what is trained does not depend on them.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Session } from '@lockstep/collectives';
import { connect, makeCertificate } from '@lockstep/collectives/node';
import { expect, onTestFinished, test } from 'vitest';
import { type Hub, startHub } from '../packages/lockstep/src/hub/hub.ts';
import { run, tinyRun, train } from './cli.ts';

const token = 'secret';

async function start(size: number): Promise<Hub> {
  const hub = await startHub({ size, token, tls: 'self-signed' });
  onTestFinished(() => hub.close());
  return hub;
}

test('workers pin the certificate of the hub, and those of each other', async () => {
  const hub = await start(2);
  const join = (name: string): Promise<Session> =>
    connect({ url: hub.url, token, name, fingerprint: hub.fingerprint, log: (line) => expect.fail(line) });
  const [a, b] = await Promise.all([join('a'), join('b')]);
  expect(hub.url).toMatch(/^wss:/);
  for (const { addresses } of a.view.members) {
    expect(addresses['ws']).toMatch(/^wss:/);
    expect(addresses['ws-fingerprint']).toMatch(/^[0-9a-f]{64}$/);
    expect(addresses['ws-fingerprint']).not.toBe(hub.fingerprint);
  }
  const into = new Uint8Array(300_000);
  await Promise.all([a.transport.send(1, 0, new Uint8Array(into.length).fill(3)), b.transport.recv(0, 0, into)]);
  expect(into.every((byte) => byte === 3)).toBe(true);
  await Promise.all([a.close(), b.close()]);
});

test('another certificate is refused with one line, before anything is said', async () => {
  const hub = await start(1);
  const refused = connect({ url: hub.url, token, fingerprint: 'ab'.repeat(32) });
  await expect(refused).rejects.toMatchObject({
    code: 'CONFIG',
    message: expect.stringContaining('pinned certificate'),
  });
});

test('without a pin, a certificate that no authority has signed is refused', async () => {
  const hub = await start(1);
  await expect(connect({ url: hub.url, token })).rejects.toMatchObject({ code: 'CONFIG' });
});

function write(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'lockstep-tls-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

test('a run over TLS goes over WebSocket and ends with the same weights, with a given certificate or one made for the job', async () => {
  const { cert, key } = await makeCertificate();
  const folder = write({ cert, key });
  const plain = await train(['--workers', '2']);
  const { weightsSha256 } = plain;
  const made = await run(['train', tinyRun, '--json', '--workers', '2', '--tls']);
  expect(made.stderr).toMatch(/^bridge +WebSocket · .*with TLS every byte between workers is encrypted/m);
  expect(JSON.parse(made.stdout)).toMatchObject({ weightsSha256 });
  const given = ['--tls-cert', join(folder, 'cert'), '--tls-key', join(folder, 'key')];
  expect(await train(['--workers', '2', ...given])).toMatchObject({ weightsSha256 });
}, 180_000);

test('certificates that cannot be used are one clear line', async () => {
  const [one, other] = [await makeCertificate(), await makeCertificate()];
  const folder = write({ cert: one.cert, key: one.key, otherKey: other.key, text: 'no certificate' });
  for (const [cert, key, problem] of [
    ['cert', 'otherKey', 'its private key'],
    ['text', 'key', 'its private key'],
    ['cert', 'missing', 'ENOENT'],
  ] as const) {
    const files = ['--tls-cert', join(folder, cert), '--tls-key', join(folder, key)];
    const { code, stderr } = await run(['train', tinyRun, ...files]);
    expect(code).toBe(2);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(stderr).toContain(problem);
  }
  const { code, stderr } = await run(['train', tinyRun, '--tls-cert', join(folder, 'cert')]);
  expect([code, stderr]).toEqual([2, expect.stringContaining('expected both --tls-cert and --tls-key')]);
});
