// The contract that every bridge meets. Call it once per bridge.

import { createGroup, type Transport } from '@lockstep/collectives';
import { afterEach, describe, expect, test } from 'vitest';

export interface OpenedBridge {
  /** One transport per rank. */
  readonly transports: readonly Transport[];
  /** Ends a rank as a crash would, without a farewell. */
  kill(rank: number): void;
  /** Frees what is left. */
  close(): Promise<void>;
}

const shards = 8;

/** `overtakes` is false for a bridge that moves a whole message at once: nothing comes between there. */
export function checkTransport(
  name: string,
  openBridge: (size: number) => Promise<OpenedBridge>,
  { overtakes = true }: { overtakes?: boolean } = {},
): void {
  describe(`${name} transport`, () => {
    let bridge: OpenedBridge | undefined;
    const open = async (size: number): Promise<readonly Transport[]> => {
      bridge = await openBridge(size);
      return bridge.transports;
    };
    afterEach(async () => {
      await bridge?.close();
      bridge = undefined;
    });

    test('knows its rank and size', async () => {
      const ranks = await open(3);
      expect(ranks.map(({ rank, size }) => [rank, size])).toEqual([0, 1, 2].map((rank) => [rank, 3]));
    });

    test('keeps the order within one peer and tag', async () => {
      const [a, b] = await open(2);
      const lengths = [3, 700_000, 0, 1, 300_000];
      const sending = Promise.all(lengths.map((length, i) => a!.send(1, 7, new Uint8Array(length).fill(i))));
      for (const [i, length] of lengths.entries()) {
        const into = new Uint8Array(length);
        await b!.recv(0, 7, into);
        expect(into.every((byte) => byte === i)).toBe(true);
      }
      await sending;
    });

    test('keeps the order within one peer and tag when receives are posted first', async () => {
      const [a, b] = await open(2);
      const lengths = [300_000, 3, 0, 700_000, 70_000, 1];
      const intos = lengths.map((length) => new Uint8Array(length));
      const receiving = intos.map((into) => b!.recv(0, 7, into));
      await Promise.all(lengths.map((length, i) => a!.send(1, 7, new Uint8Array(length).fill(i))));
      await Promise.all(receiving);
      expect(intos.every((into, i) => into.every((byte) => byte === i))).toBe(true);
    });

    test('delivers a large message whose receive comes later', async () => {
      const [a, b] = await open(2);
      const sent = a!.send(1, 1, new Uint8Array(3_000_000).fill(4));
      await a!.send(1, 2, Uint8Array.of(1));
      await b!.recv(0, 2, new Uint8Array(1)); // by now the large one has been announced
      const into = new Uint8Array(3_000_000);
      await Promise.all([b!.recv(0, 1, into), sent]);
      expect(into.every((byte) => byte === 4)).toBe(true);
    });

    test('does not hold a small message behind a large one', async () => {
      const [a, b] = await open(2);
      const order: string[] = [];
      const length = 64 * 2 ** 20;
      const large = Promise.all([a!.send(1, 1, new Uint8Array(length)), b!.recv(0, 1, new Uint8Array(length))]);
      const noted = large.then(() => order.push('large'));
      for (let i = 0; i < 5; i++) {
        await Promise.all([a!.send(1, 2, Uint8Array.of(i)), b!.recv(0, 2, new Uint8Array(1))]);
        order.push('small');
      }
      await noted;
      expect(order).toHaveLength(6);
      if (overtakes) expect(order.at(-1)).toBe('large');
    });

    test('moves much both ways at once, on several tags', async () => {
      const [a, b] = await open(2);
      const length = 5_000_000;
      const move = async (from: Transport, to: Transport, tag: number): Promise<void> => {
        const [bytes, into] = [new Uint8Array(length).fill(tag), new Uint8Array(length)];
        await Promise.all([from.send(to.rank, tag, bytes), to.recv(from.rank, tag, into)]);
        expect(into.every((byte) => byte === tag)).toBe(true);
      };
      await Promise.all([1, 2, 3].flatMap((tag) => [move(a!, b!, tag), move(b!, a!, tag)]));
    });

    test.each([100, 2_000_000])('moves %d bytes from and to shared memory', async (length) => {
      const [a, b] = await open(2);
      const [bytes, into] = [0, 1].map(() => new Uint8Array(new SharedArrayBuffer(length)));
      bytes!.fill(8);
      await Promise.all([a!.send(1, 0, bytes!), b!.recv(0, 0, into!)]);
      expect(into!.every((byte) => byte === 8)).toBe(true);
    });

    test('lets tags pass each other', async () => {
      const [a, b] = await open(2);
      await a!.send(1, 1, Uint8Array.of(1));
      await a!.send(1, 2 ** 32 - 1, Uint8Array.of(2));
      const [first, second] = [new Uint8Array(1), new Uint8Array(1)];
      await b!.recv(0, 2 ** 32 - 1, second);
      await b!.recv(0, 1, first);
      expect([...first, ...second]).toEqual([1, 2]);
    });

    test('does not need its bytes after the send', async () => {
      const [a, b] = await open(2);
      const bytes = new Uint8Array(3_000_000).fill(5);
      const into = new Uint8Array(bytes.length);
      const received = b!.recv(0, 0, into);
      await a!.send(1, 0, bytes);
      bytes.fill(6);
      await received;
      expect(into.every((byte) => byte === 5)).toBe(true);
    });

    test('moves views that begin at odd addresses', async () => {
      const [a, b] = await open(2);
      const into = new Uint8Array(12).subarray(5, 10);
      await Promise.all([
        a!.send(1, 0, Uint8Array.from({ length: 9 }, (_, i) => i).subarray(3, 8)),
        b!.recv(0, 0, into),
      ]);
      expect([...into]).toEqual([3, 4, 5, 6, 7]);
    });

    test('rejects a message of another length than was asked for', async () => {
      const [a, b] = await open(2);
      const received = b!.recv(0, 0, new Uint8Array(4));
      const sent = a!.send(1, 0, new Uint8Array(5)).catch(() => {}); // the other side may have had enough by now
      await expect(received).rejects.toMatchObject({ code: 'PROTOCOL' });
      await sent;
    });

    test('refuses ranks that are not there', async () => {
      const [a] = await open(2);
      for (const rank of [-1, 0, 2, 0.5]) await expect(a!.send(rank, 0, new Uint8Array(1))).rejects.toThrow(RangeError);
    });

    test('tells those who wait for a killed rank, and only them', async () => {
      const [a, b, c] = await open(3);
      const lost = expect(a!.recv(2, 0, new Uint8Array(1))).rejects.toMatchObject({ code: 'PEER_LOST', peer: 2 });
      const kept = new Uint8Array(1);
      const stillComing = a!.recv(1, 0, kept);
      bridge!.kill(2);
      await lost;
      await expect(a!.recv(2, 1, new Uint8Array(1))).rejects.toMatchObject({ code: 'PEER_LOST', peer: 2 });
      await expect(a!.send(2, 0, new Uint8Array(1))).rejects.toMatchObject({ code: 'PEER_LOST', peer: 2 });
      await b!.send(0, 0, Uint8Array.of(9));
      await stillComing;
      expect(kept[0]).toBe(9);
      await c!.close();
    });

    test('delivers what a rank had sent before it left', async () => {
      const [a, b] = await open(2);
      const [into, more] = [new Uint8Array(1), new Uint8Array(1)];
      await b!.send(0, 0, Uint8Array.of(3));
      await b!.close();
      await a!.recv(1, 0, into);
      await expect(a!.recv(1, 0, more)).rejects.toMatchObject({ code: 'PEER_LOST', peer: 1 });
      expect(into[0]).toBe(3);
    });

    test('rejects its own pending calls when it closes', async () => {
      const [a] = await open(2);
      const pending = expect(a!.recv(1, 0, new Uint8Array(1))).rejects.toThrow();
      await a!.close();
      await pending;
    });

    test('lets a group name calls that differ, even the very first, whatever their lengths', async () => {
      const groups = (await open(3)).map((transport) => createGroup(transport));
      const calls = groups.map(async (group) =>
        group.allReduce(new Float32Array(group.rank === 2 ? 900_000 : 1_000_000)),
      );
      for (const result of await Promise.allSettled(calls)) {
        expect(result).toMatchObject({ status: 'rejected', reason: { code: 'MISMATCH' } });
        expect(String((result as PromiseRejectedResult).reason)).toContain('sum of 900000 f32');
      }
    });

    test('lets a group leave when it is done, and takes nothing from a slower one', async () => {
      const ranks = await open(3);
      const [a, b, c] = ranks.map((transport) => createGroup(transport));
      const lengths = [1, 3000, 60_000];
      for (const [tag, length] of lengths.entries()) {
        await a!.send(2, new Uint8Array(length).fill(tag), { tag });
        await b!.send(2, new Uint8Array(length).fill(tag), { tag });
      }
      await Promise.all([a!.close(), b!.close()]);
      await Promise.all([ranks[0]!.close(), ranks[1]!.close()]);
      for (const [tag, length] of lengths.entries()) {
        for (const rank of [0, 1]) {
          const into = new Uint8Array(length).fill(9);
          await c!.recv(rank, into, { tag });
          expect(into.every((byte) => byte === tag)).toBe(true);
        }
      }
      await expect(c!.barrier()).rejects.toMatchObject({ code: 'PEER_LOST' });
      await c!.close();
    });

    test.each([1, 2, 3, 5, 8])('all-reduces over %d ranks, several calls in flight', async (size) => {
      const groups = (await open(size)).map((transport) => createGroup(transport, { shards }));
      const data = (shard: number, call: number): Float32Array =>
        Float32Array.from({ length: 1000 }, (_, i) => shard + i * call);
      const outs = await Promise.all(
        groups.map(async (group) => {
          const calls = [1, 2, 3].map(async (call) => {
            const out = new Float32Array(1000);
            const nodes = group.nodes.map(({ lo, hi }) =>
              sumOf(Array.from({ length: hi - lo }, (_, i) => data(lo + i, call))),
            );
            await group.allReduce(nodes, out);
            return out;
          });
          return Promise.all(calls);
        }),
      );
      const expected = [1, 2, 3].map((call) => sumOf(Array.from({ length: shards }, (_, shard) => data(shard, call))));
      for (const out of outs) expect(out).toEqual(expected);
      await Promise.all(groups.map((group) => group.close()));
    });
  });
}

/** Of integers small enough to be exact in any order. */
function sumOf(parts: readonly Float32Array[]): Float32Array {
  return parts[0]!.map((_, i) => parts.reduce((sum, part) => sum + part[i]!, 0));
}
