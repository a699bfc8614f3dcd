// The UCX bridge over TCP on the loopback device and over shared memory: in one process as all bridges are tested, and
// between processes, of which one ends.

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type OpenedUcx, openUcx } from '../packages/rdma/src/open-ucx.ts';
import type { UcxTransport } from '@lockstep/rdma';
import { afterEach, describe, expect, test } from 'vitest';
import { checkTransport, type OpenedBridge } from './check-transport.ts';

const fabrics = {
  'UCX over TCP': { tls: 'tcp', netDevices: 'lo' },
  'UCX over shared memory': { tls: 'posix,sysv,cma,self' },
};
type Fabric = (typeof fabrics)[keyof typeof fabrics];

const missing = await openUcx({ tls: 'self' }).then(
  (ucx) => ucx.close(),
  (error: Error) => error.message,
);

if (missing) {
  test.skip(`the UCX bridge: ${missing}`, () => {});
} else {
  for (const [name, fabric] of Object.entries(fabrics)) {
    checkTransport(name, (size) => openInOneProcess(size, fabric));
    describe(`${name}, between processes`, () => checkProcesses(fabric));
  }
}

async function openInOneProcess(size: number, fabric: Fabric): Promise<OpenedBridge> {
  const workers = await Promise.all(Array.from({ length: size }, () => openUcx(fabric)));
  const addresses = workers.map(({ address }) => address);
  const transports = workers.map((worker, rank) => worker.connect({ rank, addresses }));
  return {
    transports,
    kill: (rank) => {
      workers[rank]!.abandon();
      // That a thread ends is no event for the others of its process; the hub tells.
      for (const transport of transports) if (transport.rank !== rank) transport.lose(rank);
    },
    close: async () => void (await Promise.all(workers.map((worker) => worker.close()))),
  };
}

function checkProcesses(fabric: Fabric): void {
  let worker: OpenedUcx | undefined;
  let child: ChildProcess | undefined;

  afterEach(async () => {
    child?.kill('SIGKILL');
    await worker?.close();
  });

  /** Rank 0 here, rank 1 in a process that does `task`. */
  async function start(task: string): Promise<{ transport: UcxTransport; child: ChildProcess }> {
    worker = await openUcx(fabric);
    const script = fileURLToPath(new URL('fixtures/ucx-rank.mjs', import.meta.url));
    child = fork(script, [JSON.stringify(fabric)], { execArgv: [] });
    const [theirs] = (await once(child, 'message')) as [string];
    const addresses = [Buffer.from(worker.address).toString('base64'), theirs];
    child.send({ addresses, task });
    const decoded = addresses.map((text) => new Uint8Array(Buffer.from(text, 'base64')));
    return { transport: worker.connect({ rank: 0, addresses: decoded }), child };
  }

  test('notices that a peer was killed, and keeps what it had sent', async () => {
    const { transport, child } = await start('wait');
    const [first, second] = [new Uint8Array(1), new Uint8Array(1)];
    await transport.recv(1, 1, first);
    const waiting = transport.recv(1, 9, new Uint8Array(1));
    const long = transport.send(1, 9, new Uint8Array(50_000_000));
    const killed = performance.now();
    child.kill('SIGKILL');
    await expect(waiting).rejects.toMatchObject({ code: 'PEER_LOST', peer: 1 });
    await expect(long).rejects.toMatchObject({ code: 'PEER_LOST', peer: 1 });
    expect(performance.now() - killed).toBeLessThan(2000);
    await transport.recv(1, 2, second);
    expect([...first, ...second]).toEqual([1, 2]);
    await expect(transport.send(1, 9, new Uint8Array(1))).rejects.toMatchObject({ code: 'PEER_LOST', peer: 1 });
  });

  test('does not wait for the rest of a message from a peer that was killed', async () => {
    const { transport, child } = await start('sendLong');
    await transport.recv(1, 1, new Uint8Array(1));
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
    const into = new Uint8Array(50_000_000);
    await expect(transport.recv(1, 2, into)).rejects.toMatchObject({ code: 'PEER_LOST', peer: 1 });
  });

  test('hears the farewell of a process, which ends when it has closed', async () => {
    const { transport, child } = await start('close');
    const exit = once(child, 'exit');
    await transport.recv(1, 1, new Uint8Array(1));
    await expect(transport.recv(1, 9, new Uint8Array(1))).rejects.toMatchObject({ code: 'PEER_LOST', peer: 1 });
    expect(await exit).toEqual([0, null]);
  });

  test.each(['fallOff', 'exit'])('lets a process end that never closes (%s)', async (task) => {
    const { transport, child } = await start(task);
    const exit = once(child, 'exit');
    await transport.send(1, 4, Uint8Array.of(1));
    expect(await exit).toEqual([0, null]);
    await expect(transport.recv(1, 9, new Uint8Array(1))).rejects.toMatchObject({ code: 'PEER_LOST', peer: 1 });
  });
}
