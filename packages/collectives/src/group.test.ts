import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createGroup, type Group } from './group.ts';
import type { GroupOptions } from './group-options.ts';
import { memoryBridge, type MemoryBridge } from './memory.ts';
import { noticeBytes, noticeTag } from './notice.ts';
import type { TraceSpan } from './trace.ts';
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

/** Groups whose messages are counted: those of data, and those in which ranks say which call they make. */
function counting(size: number, options: GroupOptions): { groups: Group[]; data: number[]; words: number[] } {
  const [data, words] = [Array<number>(size).fill(0), Array<number>(size).fill(0)];
  const groups = memoryBridge(size).transports.map((transport) => {
    const send: Transport['send'] = (to, tag, bytes) => {
      (tag >= firstDataTag ? data : words)[transport.rank]! += bytes.length;
      return transport.send(to, tag, bytes);
    };
    return createGroup({ ...transport, send }, { shards: 8, ...options });
  });
  return { groups, data, words };
}
const firstDataTag = 2 ** 31 + 2 ** 30;

describe.each([undefined, 'direct', 'halvingDoubling', 'twoLevel'] as const)('algorithm %s', (algorithm) => {
  test.each([1, 2, 4, 8])('sends not a byte more than needed with %d workers', async (size) => {
    const length = 4096;
    const hosts = Array.from({ length: size }, (_, rank) => `host-${Math.floor((2 * rank) / size)}`);
    const { groups, data, words } = counting(size, { hosts, ...(algorithm && { algorithm }) });
    await Promise.all(groups.map((group) => reduce(group, length)));
    expect(data).toEqual(Array(size).fill((2 * 4 * length * (size - 1)) / size));
    for (const bytes of words) expect(bytes).toBeLessThanOrEqual(24 * (size - 1));
  });
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

test.each([1, 2, 3, 5, 8])('broadcasts from any root of %d, little and much', async (size) => {
  const { groups } = open(size);
  for (const length of [2, 50_001]) {
    for (const root of [0, size - 1, size >> 1]) {
      const datas = groups.map((group) => new Uint16Array(length).fill(group.rank));
      await Promise.all(groups.map((group, rank) => group.broadcast(datas[rank]!, { root })));
      for (const data of datas) expect(data.every((x) => x === root)).toBe(true);
    }
  }
});

test.each([1, 3, 4])('gathers at a root and exchanges all to all over %d ranks', async (size) => {
  const { groups } = open(size);
  const root = size - 1;
  const gathered = new Int32Array(2 * size);
  const exchanged = await Promise.all(
    groups.map(async (group) => {
      await group.gather(Int32Array.of(group.rank, 9), group.rank === root ? gathered : undefined, { root });
      const out = new Float32Array(2 * size);
      await group.allToAll(
        Float32Array.from({ length: 2 * size }, (_, i) => 100 * group.rank + i),
        out,
      );
      return [...out];
    }),
  );
  expect([...gathered]).toEqual(groups.flatMap(({ rank }) => [rank, 9]));
  for (const [rank, out] of exchanged.entries())
    expect(out).toEqual(groups.flatMap((group) => [100 * group.rank + 2 * rank, 100 * group.rank + 2 * rank + 1]));
});

test('passes values between ranks', async () => {
  const { groups } = open(3);
  const value = { name: 'worker', list: [1, 2.5, null], bytes: Uint8Array.of(1, 2) };
  await groups[0]!.sendValue(2, value, { tag: 4 });
  await groups[0]!.sendValue(2, 'second', { tag: 4 });
  expect(await groups[2]!.recvValue(0, { tag: 4 })).toEqual(value);
  expect(await groups[2]!.recvValue(0, { tag: 4 })).toBe('second');
  const several = groups.flatMap((group) => [group.allGatherValues({ rank: group.rank }), group.allGatherValues('x')]);
  const all = (await Promise.all(several)).filter((_, i) => i % 2 === 0);
  for (const values of all) expect(values).toEqual([{ rank: 0 }, { rank: 1 }, { rank: 2 }]);
  await expect(groups[0]!.sendValue(1, new Uint8Array(17 * 2 ** 20))).rejects.toThrow(RangeError);
});

test('a typo of a rank or a tag fails the call and not the group', async () => {
  const { groups } = open(2);
  await expect(groups[0]!.send(7, new Uint8Array(1))).rejects.toThrow(RangeError);
  await expect(groups[0]!.recvValue(1, { tag: -1 })).rejects.toThrow(RangeError);
  await Promise.all(groups.map((group) => group.barrier()));
});

test('a notice that is none ends the group with a protocol error', async () => {
  const { bridge, groups } = open(2);
  const pending = expect(groups[0]!.barrier()).rejects.toMatchObject({ code: 'PROTOCOL' });
  await bridge.transports[1]!.send(0, noticeTag, new Uint8Array(noticeBytes).fill(9));
  await pending;
});

test('alone, in small segments and nodes, a compressed reduceScatter adds everything once', async () => {
  const [transport] = memoryBridge(1).transports;
  const group = createGroup(transport!, { shards: 4, nodeLimit: 1, segmentBytes: 4096 });
  const nodes = [1, 2, 3, 4].map((value) => new Float32Array(5000).fill(value));
  for (const wire of ['f32', 'bf16', 'int8'] as const) {
    const slice = new Float32Array(5000);
    await group.reduceScatter(nodes, slice, { wire, grain: 32 });
    expect(slice.every((x) => x === 10)).toBe(true);
  }
});

test('nodes that a rank may bring together by itself do not travel', async () => {
  const { groups, data } = counting(2, { nodeLimit: 1 });
  await Promise.all(groups.map((group) => reduce(group, 4096)));
  expect(data).toEqual([4 * 4096, 4 * 4096]);
});

test('measures its links, and all ranks know the same figures', async () => {
  const hosts = ['a', 'a', 'b'];
  const groups = memoryBridge(3).transports.map((transport) => createGroup(transport, { hosts }));
  const links = await Promise.all(groups.map((group) => group.measure()));
  for (const link of links) expect(link).toEqual(links[0]);
  expect(links[0]!.remote.latencyUs).toBeGreaterThan(0);
  const plans = groups.map((group) => group.plan(2 ** 20));
  for (const plan of plans) expect(plan).toEqual(plans[0]);
  expect(Object.keys(plans[0]!.estimates)).toContain('twoLevel');
  expect(plans[0]!.reason).toContain(plans[0]!.algorithm);
});

test('tells its trace of every collective', async () => {
  const spans: TraceSpan[] = [];
  const groups = memoryBridge(2).transports.map((transport) =>
    createGroup(transport, { shards: 8, ...(transport.rank === 0 && { trace: (span) => spans.push(span) }) }),
  );
  await Promise.all(groups.map((group) => reduce(group, 10)));
  expect(spans).toMatchObject([
    { name: 'allReduce', category: 'reduce', args: { op: 'sum', elements: 10, bytesSent: 40, peers: [1] } },
  ]);
  expect(spans[0]!.end).toBeGreaterThanOrEqual(spans[0]!.start);
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

test('leaving waits until the others have heard it, and no longer than for a message', async () => {
  const [fast, slow] = memoryBridge(2).transports;
  let hear = (): void => {};
  const busy = new Promise<void>((resolve) => (hear = resolve));
  const recv: Transport['recv'] = async (from, tag, into) => {
    if (tag === noticeTag) await busy;
    await slow!.recv(from, tag, into);
  };
  const group = createGroup(fast!);
  createGroup({ ...slow!, recv });
  const events: string[] = [];
  const closed = group.close().then(() => events.push('closed'));
  await fast!.send(1, 5, Uint8Array.of(1));
  await slow!.recv(0, 5, new Uint8Array(1));
  events.push('heard');
  hear();
  await closed;
  expect(events).toEqual(['heard', 'closed']);
  await createGroup(memoryBridge(2).transports[0]!, { timeoutMs: 1 }).close(); // nobody is there to hear it
});

test('ranks that leave at once do not wait for each other, nor for one that is gone', async () => {
  const { bridge, groups } = open(4);
  bridge.kill(3);
  await Promise.all(groups.slice(0, 3).map((group) => group.close()));
  await expect(groups[0]!.barrier()).rejects.toThrow('group: expected an open group, got one that was closed');
});

test('a group that fails on one rank fails on all, in the same words', async () => {
  const groups = memoryBridge(3).transports.map((transport) => createGroup(transport));
  const waiting = [groups[0]!.recv(1, new Uint8Array(1), { tag: 7 }), groups[2]!.barrier()];
  const wrong = groups[1]!.recv(2, new Uint8Array(2));
  await groups[2]!.send(1, new Uint8Array(3));
  const message = 'recv: expected 2 bytes from rank 2, got 3';
  for (const call of [wrong, ...waiting]) await expect(call).rejects.toMatchObject({ code: 'PROTOCOL', message });
});

describe('calls that differ', () => {
  type Make = (group: Group) => Promise<unknown>;
  const floats = (length = 600): Float32Array => new Float32Array(length).fill(7);
  const nodes = (group: Group, length?: number): Float32Array[] => group.nodes.map(() => floats(length));
  const sum: Make = (group) => group.allReduce(nodes(group), floats());
  const cases: [string, Make, Make, string, string][] = [
    [
      'operation',
      sum,
      (group) => group.allReduce(nodes(group), floats(), { op: 'max' }),
      'sum of 600 f32',
      'max of 600 f32',
    ],
    ['length', sum, (group) => group.allReduce(nodes(group, 601), floats(601)), 'sum of 600 f32', 'sum of 601 f32'],
    [
      'type',
      sum,
      (group) => group.allReduce(group.nodes.map(() => new Int32Array(600))),
      'sum of 600 f32',
      'sum of 600 i32',
    ],
    ['wire', sum, (group) => group.allReduce(nodes(group), floats(), { wire: 'int8' }), '600 f32)', 'wire int8'],
    ['collective', sum, (group) => group.barrier(), 'allReduce', 'barrier()'],
    [
      'root',
      (group) => group.broadcast(floats()),
      (group) => group.broadcast(floats(), { root: 1 }),
      'root 0',
      'root 1',
    ],
    [
      'order',
      (group) => Promise.all([sum(group), group.barrier()]),
      (group) => Promise.all([group.barrier(), sum(group)]),
      'allReduce',
      'barrier()',
    ],
  ];

  test.each(cases)('in their %s are named on all ranks, and no data is used', async (_, make, other, mine, theirs) => {
    for (const size of [2, 3, 5, 8]) {
      const { groups } = open(size);
      const out = floats();
      const odd = size - 1;
      const settled = await Promise.allSettled(
        groups.map((group) => (group.rank === odd ? other(group) : make(group))),
      );
      const failed = settled.flatMap((result) => (result.status === 'rejected' ? [result.reason as Error] : []));
      // A root that only sends may be through before it hears of it; its next call fails.
      expect(failed.length).toBeGreaterThanOrEqual(size - 2);
      for (const error of failed) expect(error).toMatchObject({ code: 'MISMATCH' });
      expect(failed[0]!.message).toContain(mine);
      expect(failed[0]!.message).toContain(theirs);
      expect(failed[0]!.message).toContain(`rank ${odd}`);
      expect(out).toEqual(floats());
      for (const group of groups) await expect(group.barrier()).rejects.toMatchObject({ code: 'MISMATCH' });
    }
  });

  test('in their order are named where ranks that differ would exchange nothing', async () => {
    const { transports } = memoryBridge(8);
    const groups = transports.map((transport) => createGroup(transport, { shards: 8, algorithm: 'halvingDoubling' }));
    const settled = await Promise.allSettled(
      groups.map((group) => (group.rank < 4 ? sum(group) : group.allReduce(nodes(group, 5), floats(5)))),
    );
    for (const result of settled) expect(result).toMatchObject({ status: 'rejected', reason: { code: 'MISMATCH' } });
  });
});

describe('a deadline', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test('ends a call whose peer does not come, and the group with it', async () => {
    const { groups } = open(2);
    const alone = expect(reduce(groups[0]!, 10)).rejects.toMatchObject({
      code: 'TIMEOUT',
      message: 'allReduce, waiting for rank 1 to make the same call: expected an end within 60000 ms, got none',
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
