import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createGroup, type Group } from './group.ts';
import { memoryBridge, type MemoryBridge } from './memory.ts';
import type { Transport } from './transport.ts';

const open = (size: number, shards = 8): { bridge: MemoryBridge; groups: Group[] } => {
  const bridge = memoryBridge(size);
  return { bridge, groups: bridge.transports.map((transport) => createGroup(transport, { shards })) };
};
const reduce = (group: Group, length: number): Promise<void> =>
  group.allReduce(
    group.nodes.map(() => new Float32Array(length)),
    new Float32Array(length),
  );

test.each([0, 3, 12])('refuses %d shards', (shards) => {
  expect(() => open(1, shards)).toThrow(expect.objectContaining({ code: 'CONFIG' }));
});

test('refuses more workers than shards', () => {
  expect(() => open(3, 2)).toThrow('expected at most one worker per shard (2), got 3 workers');
});

test('refuses nodes that do not fit', async () => {
  const { groups } = open(1);
  await expect(groups[0]!.allReduce([new Float32Array(3)], new Float32Array(4))).rejects.toThrow(RangeError);
});

test.each([1, 2, 4, 8])('sends not a byte more than needed with %d workers', async (size) => {
  const length = 4096;
  const sent = Array<number>(size).fill(0);
  const groups = memoryBridge(size).transports.map((transport) => {
    const send: Transport['send'] = (to, tag, bytes) => {
      sent[transport.rank]! += bytes.length;
      return transport.send(to, tag, bytes);
    };
    return createGroup({ ...transport, send }, { shards: 8 });
  });
  await Promise.all(groups.map((group) => reduce(group, length)));
  expect(sent).toEqual(Array(size).fill((2 * 4 * length * (size - 1)) / size));
});

test('may write its result over one of its nodes', async () => {
  const { groups } = open(3);
  const results = groups.map(async (group) => {
    const nodes = group.nodes.map(({ lo, hi }) => new Float32Array(50).fill(hi - lo));
    await group.allReduce(nodes, nodes.at(-1)!);
    return nodes;
  });
  for (const nodes of await Promise.all(results)) {
    expect(nodes.at(-1)).toEqual(new Float32Array(50).fill(8));
    if (nodes.length > 1) expect(nodes[0]![0]).toBeLessThan(8);
  }
});

test('allocates nothing after the first of equal calls', async () => {
  let allocations = 0;
  const allocate = (byteLength: number): Uint8Array => {
    allocations++;
    return new Uint8Array(byteLength);
  };
  const groups = memoryBridge(3).transports.map((transport) => createGroup({ ...transport, allocate }, { shards: 8 }));
  const step = async (): Promise<unknown> =>
    Promise.all(groups.flatMap((group) => [reduce(group, 999), reduce(group, 30)]));
  await step();
  const first = allocations;
  for (let i = 0; i < 10; i++) await step();
  expect(first).toBeGreaterThan(0);
  expect(allocations).toBe(first);
});

test('gathers slices in the order of ranks', async () => {
  const { groups } = open(3);
  const outs = await Promise.all(
    groups.map(async (group) => {
      const out = new Int32Array(8);
      await group.allGather(new Int32Array([2, 3, 3][group.rank]!).fill(group.rank), out);
      return [...out];
    }),
  );
  for (const out of outs) expect(out).toEqual([0, 0, 1, 1, 1, 2, 2, 2]);
});

test('broadcasts from any root', async () => {
  const { groups } = open(4);
  const datas = groups.map((group) => Uint16Array.of(group.rank, 7));
  await Promise.all(groups.map((group, rank) => group.broadcast(datas[rank]!, { root: 2 })));
  for (const data of datas) expect([...data]).toEqual([2, 7]);
});

test('holds everybody at a barrier until the last has come', async () => {
  const { groups } = open(5);
  let arrived = 0;
  const early = groups.slice(0, 4).map(async (group) => {
    arrived++;
    await group.barrier();
    return arrived;
  });
  await groups[0]!.send(1, new Uint8Array(1));
  await groups[1]!.recv(0, new Uint8Array(1));
  arrived++;
  await groups[4]!.barrier();
  expect(await Promise.all(early)).toEqual([5, 5, 5, 5]);
});

test("keeps the callers' messages apart from its own", async () => {
  const { groups } = open(2);
  const into = new Uint8Array(1);
  const received = groups[1]!.recv(0, into, { tag: 0 });
  await Promise.all(groups.map((group) => reduce(group, 10)));
  await groups[0]!.send(1, Uint8Array.of(3), { tag: 0 });
  await received;
  expect(into[0]).toBe(3);
  await expect(groups[0]!.send(1, into, { tag: 2 ** 31 })).rejects.toThrow('expected a tag');
});

test('a lost peer rejects every pending call on all survivors, and every later one', async () => {
  const { bridge, groups } = open(4);
  const survivors = groups.slice(0, 3);
  const pending = survivors.flatMap((group) => [reduce(group, 10), group.barrier()]);
  pending.push(groups[0]!.recv(1, new Uint8Array(1)));
  const settled = Promise.allSettled(pending);
  bridge.kill(3);
  const lost = { code: 'PEER_LOST', peer: 3 };
  for (const result of await settled) expect(result).toMatchObject({ status: 'rejected', reason: lost });
  for (const group of survivors) await expect(group.barrier()).rejects.toMatchObject(lost);
});

test('a peer that took its leave does not disturb those who still finish', async () => {
  const { bridge, groups } = open(3);
  const pending = groups[0]!.recv(1, new Uint8Array(1));
  await groups[2]!.close();
  await bridge.transports[2]!.close();
  await groups[1]!.send(0, new Uint8Array(1));
  await pending;
  await expect(groups[0]!.barrier()).rejects.toMatchObject({ code: 'PEER_LOST', peer: 2 });
});

test('a collective of another length fails before its data is used', async () => {
  const { groups } = open(2);
  const settled = await Promise.allSettled([reduce(groups[0]!, 10), reduce(groups[1]!, 20)]);
  for (const result of settled) expect(result).toMatchObject({ status: 'rejected', reason: { code: 'PROTOCOL' } });
});

describe('a deadline', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test('ends a call whose peer does not come, and the group with it', async () => {
    const { groups } = open(2);
    const alone = expect(reduce(groups[0]!, 10)).rejects.toMatchObject({
      code: 'TIMEOUT',
      message: 'allReduce, waiting for 20 bytes from rank 1: expected an end within 60000 ms, got none',
    });
    await vi.advanceTimersByTimeAsync(60_000);
    await alone;
    await expect(groups[0]!.barrier()).rejects.toMatchObject({ code: 'TIMEOUT' });
  });

  test('leaves no timer behind when all went well', async () => {
    const { groups } = open(2);
    await Promise.all(groups.map((group) => reduce(group, 10)));
    expect(vi.getTimerCount()).toBe(0);
  });
});
