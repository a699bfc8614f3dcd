// What the UCX bridge does over a fabric: the contract of all bridges in one process, workers in one process, and
// processes, of which one ends.

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { createGroup, PeerLostError } from '@lockstep/collectives';
import type { UcxTransport } from '@lockstep/rdma';
import { afterEach, describe, expect, test } from 'vitest';
import { decodeAddress, encodeAddress, encodeBody } from '../packages/rdma/src/address.ts';
import { type OpenedUcx, openUcx, type UcxOptions } from '../packages/rdma/src/open-ucx.ts';
import { checkTransport, type OpenedBridge } from './check-transport.ts';

type Fabric = Pick<UcxOptions, 'tls' | 'netDevices' | 'rdma'>;

/** Between processes of one host. */
export const sharedMemory: Fabric = {};

export function checkUcx(name: string, fabric: Fabric): void {
  // UCX pulls a large message in one piece, at the speed of the fabric.
  checkTransport(name, (size) => openInOneProcess(size, fabric), { overtakes: false });
  describe(`${name}, in one process`, () => checkWorkers(fabric));
  describe(`${name}, between processes`, () => checkProcesses(fabric));
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

/** Opens bridges one after the other among the same workers of this process, each as a view of its own. */
export function viewsInOneProcess(fabric: Fabric): (size: number) => Promise<OpenedBridge> {
  const workers: OpenedUcx[] = [];
  let epoch = 0;
  return async (size) => {
    while (workers.length < size) workers.push(await openUcx(fabric));
    const addresses = workers.slice(0, size).map(({ address }) => address);
    epoch++;
    const transports = addresses.map((_, rank) => workers[rank]!.connect({ rank, addresses, epoch }));
    return {
      transports,
      kill: (rank) => workers[rank]!.abandon(),
      close: async () => void (await Promise.all(transports.map((transport) => transport.close()))),
    };
  };
}

function checkWorkers(fabric: Fabric): void {
  let workers: OpenedUcx[] = [];

  afterEach(async () => void (await Promise.all(workers.map((worker) => worker.close()))));

  async function open(size: number): Promise<OpenedUcx[]> {
    workers = await Promise.all(Array.from({ length: size }, () => openUcx(fabric)));
    return workers;
  }

  const connectAll = (some: readonly OpenedUcx[], epoch = 0): UcxTransport[] => {
    const addresses = some.map(({ address }) => address);
    return some.map((worker, rank) => worker.connect({ rank, addresses, epoch }));
  };

  test('moves more messages at once than its queues hold, of every length', async () => {
    const [a, b] = connectAll(await open(2));
    const lengths = [0, 1, 4096, 8192, 8193, 32_767, 32_768, 32_769, 300_000];
    const jobs = Array.from({ length: 3000 }, (_, i) => {
      const length = i % 100 === 0 ? lengths.at(-1)! : lengths[i % 7]!;
      const [from, to] = i % 3 === 0 ? [a!, b!] : [b!, a!];
      const bytes = i % 4 === 0 ? from.allocate(length) : new Uint8Array(length);
      const into = i % 5 === 0 ? to.allocate(length) : new Uint8Array(length);
      const sent = from.send(to.rank, i % 4, bytes.fill(i));
      return Promise.all([sent, to.recv(from.rank, i % 4, into)]).then(() => into.every((byte) => byte === i % 256));
    });
    expect((await Promise.all(jobs)).every(Boolean)).toBe(true);
  });

  test('goes on in a new view without the lost rank, and takes no message of the old one', async () => {
    const [first, second, third] = await open(3);
    const [a, b] = connectAll([first!, second!, third!], 1);
    await b!.send(0, 7, Uint8Array.of(1));
    third!.abandon();
    for (const transport of [a!, b!]) transport.lose(2);
    const [x, y] = connectAll([second!, first!], 2);
    const into = new Uint8Array(1);
    await Promise.all([x!.send(1, 7, Uint8Array.of(2)), y!.recv(0, 7, into)]);
    await Promise.all([a!.close(), b!.close()]);
    await Promise.all([y!.send(0, 7, Uint8Array.of(3)), x!.recv(1, 7, into)]);
    expect(into[0]).toBe(3);
  });

  test('rejects with the error of who noticed the loss', async () => {
    const [a] = connectAll(await open(2));
    const waiting = a!.recv(1, 0, new Uint8Array(1));
    a!.lose(1, new PeerLostError(1, 'hub: rank 1 was asked to leave'));
    await expect(waiting).rejects.toThrow('hub: rank 1 was asked to leave');
    await expect(a!.send(1, 0, new Uint8Array(1))).rejects.toThrow('hub: rank 1 was asked to leave');
  });

  test('sends what it was given before it leaves, though nobody has connected yet', async () => {
    const [a, b] = connectAll(await open(2));
    await b!.send(0, 0, Uint8Array.of(5));
    await b!.close();
    const into = new Uint8Array(1);
    await a!.recv(1, 0, into);
    expect(into[0]).toBe(5);
  });

  test('leaves while a long message of it waits to be received', async () => {
    const [a, b] = connectAll(await open(2));
    const long = expect(a!.send(1, 0, new Uint8Array(5_000_000))).rejects.toMatchObject({ code: 'PEER_LOST' });
    await a!.send(1, 1, Uint8Array.of(1));
    await b!.recv(0, 1, new Uint8Array(1));
    await a!.close();
    await long;
    const late = b!.recv(0, 0, new Uint8Array(5_000_000));
    await expect(late).rejects.toMatchObject({ code: 'PEER_LOST', peer: 0 });
  });

  test('closes though a long message from a worker that has ended will never come whole', async () => {
    const [first, second] = await open(2);
    const [a, b] = connectAll([first!, second!]);
    const long = expect(a!.send(1, 0, new Uint8Array(5_000_000))).rejects.toMatchObject({ code: 'PEER_LOST' });
    await first!.close();
    await long;
    const late = b!.recv(0, 0, new Uint8Array(5_000_000));
    await expect(late).rejects.toMatchObject({ code: 'PEER_LOST', peer: 0 });
    await second!.close();
  });

  test('drops a message of the wrong length, however long, and goes on', async () => {
    const [a, b] = connectAll(await open(2));
    const wrong = expect(b!.recv(0, 0, new Uint8Array(5))).rejects.toMatchObject({ code: 'PROTOCOL' });
    const into = new Uint8Array(1);
    await Promise.all([a!.send(1, 0, new Uint8Array(5_000_000)), a!.send(1, 0, Uint8Array.of(4))]);
    await wrong;
    await b!.recv(0, 0, into);
    expect(into[0]).toBe(4);
  });

  test('ends collectives under way when it leaves, and does not touch their arrays after that', async () => {
    const groups = connectAll(await open(2)).map((transport) => ({ transport, group: createGroup(transport) }));
    const [a, b] = groups.map(({ group }) => group.allocate(3_000_000).fill(1));
    const [first, second] = groups as [(typeof groups)[0], (typeof groups)[0]];
    const waiting = Promise.allSettled([first.group.allReduce(a!), first.group.barrier()]);
    await first.transport.close();
    expect((await waiting).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    a!.fill(2);
    await expect(second.group.allReduce(b!)).rejects.toMatchObject({ code: 'PEER_LOST', peer: 0 });
    expect(a!.every((x) => x === 2)).toBe(true);
  });

  test('reduces arrays from anywhere, which may be one and the same, or empty', async () => {
    const groups = connectAll(await open(2)).map((transport) => createGroup(transport));
    const sums = groups.map(async (group, rank) => {
      const far = new Float32Array(new ArrayBuffer(6_000_000), 4_000_000, 300).fill(rank + 1);
      const other = group.allocate(300);
      await group.allReduce(far, other);
      await group.allReduce(far);
      const empty = new Float32Array(far.buffer, 5_000_000, 0);
      await group.allReduce(empty);
      const slice = new Float32Array(far.buffer, 4_800_000, rank === 0 ? 0 : 1);
      await group.reduceScatter(Float32Array.of(5), slice);
      return [other[299], far[0], ...slice];
    });
    expect(await Promise.all(sums)).toEqual([
      [3, 3],
      [3, 3, 10],
    ]);
  });

  test('takes a detached array for the empty one it is', async () => {
    const [a, b] = connectAll(await open(2));
    const bytes = new Uint8Array(100_000);
    structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
    await Promise.all([a!.send(1, 0, bytes), b!.recv(0, 0, new Uint8Array(0))]);
  });

  test('refuses addresses that are none, or not its own, before UCX reads them', async () => {
    const [first, second] = await open(2);
    const connect = (addresses: Uint8Array[]) => () => first!.connect({ rank: 0, addresses });
    const flipped = second!.address.slice();
    flipped[40]! ^= 1;
    for (const bytes of [new Uint8Array(0), new Uint8Array(300), flipped]) {
      expect(connect([first!.address, bytes])).toThrow(expect.objectContaining({ code: 'PROTOCOL' }));
    }
    expect(connect([second!.address, first!.address])).toThrow(expect.objectContaining({ code: 'CONFIG' }));
    expect(connect([first!.address, first!.address])).toThrow('expected an address of its own from rank 1');
  });

  test('refuses an address for which no worker of the job vouches', async () => {
    const [first, second] = await open(2);
    const elsewhere = await openUcx({ ...fabric, secret: 'of another job' });
    workers.push(elsewhere);
    const { body, voucher, ...address } = decodeAddress(1, second!.address, second!.version.split('.', 2).join('.'));
    const ucx = address.ucx.subarray(0, body.length - 48); // without the margin
    const forged = [
      elsewhere.address,
      encodeAddress(encodeBody({ ...address, ucx, pid: 1 }), voucher), // another process
      encodeAddress(encodeBody({ ...address, ucx, arena: { ...address.arena, fd: 0 } }), voucher), // another file
      encodeAddress(encodeBody({ ...address, ucx: ucx.map((byte) => byte ^ 1) }), voucher), // another worker of UCX
      encodeAddress(body, 0), // a file that says nothing
      encodeAddress(body, 999_999), // none
    ];
    for (const bytes of forged) {
      const connect = (): unknown => first!.connect({ rank: 0, addresses: [first!.address, bytes] });
      expect(connect).toThrow(expect.objectContaining({ code: 'PROTOCOL' }));
      expect(connect).toThrow('got an address that none vouches for');
    }
  });
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

  /** Sends messages of many lengths, several at once, and compares what comes back. */
  async function expectEchoes(transport: UcxTransport): Promise<void> {
    const lengths = [1, 131_071, 131_072, 24, 5_000_000, 3, 300_001, 131_072, 9_000_000, 100];
    const sent = lengths.map((length, i) => new Uint8Array(length).map((_, at) => at * 7 + (at >> 8) + i));
    const sending = sent.flatMap((bytes) => [
      transport.send(1, 1, new Uint8Array(Uint32Array.of(bytes.length).buffer)),
      transport.send(1, 5, bytes),
    ]);
    for (const bytes of sent) {
      const back = new Uint8Array(bytes.length);
      await transport.recv(1, 6, back);
      expect(Buffer.compare(back, bytes)).toBe(0);
    }
    await Promise.all([...sending, transport.send(1, 1, new Uint8Array(4))]);
  }

  test('exchanges long messages and short ones, in order', async () => {
    const { transport } = await start('echo');
    await expectEchoes(transport);
  });

  test('drops a long message of the wrong length and goes on', async () => {
    const { transport } = await start('wrongLength');
    const into = new Uint8Array(1);
    await Promise.all([transport.send(1, 5, new Uint8Array(400_000)), transport.send(1, 5, new Uint8Array(200_000))]);
    await transport.recv(1, 6, into);
    expect(into[0]).toBe(1);
  });

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
