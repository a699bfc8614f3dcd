// Messages through real sockets whose reads go into kept memory: whatever their sizes and wherever they are cut, who gets
// one sees its own bytes and no others.
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { Connection } from '../websocket/connection.ts';
import { encodeFrame, maxFrameBytes, payloadOf } from '../websocket/frame.ts';
import { Acceptor } from './acceptor.ts';
import { ReadMemory } from './kept-reads.ts';
import { type NodeSocket, openSocket } from './node-socket.ts';

interface Pair {
  readonly sender: NodeSocket;
  readonly receiver: NodeSocket;
}

const acceptors: { server: Server; acceptor: Acceptor }[] = [];
afterEach(() => {
  for (const { server, acceptor } of acceptors.splice(0)) {
    acceptor.close();
    server.close();
  }
});

async function open(count = 1): Promise<Pair[]> {
  const server = createServer();
  const acceptor = new Acceptor({ keepsReads: true });
  acceptors.push({ server, acceptor });
  const receivers: NodeSocket[] = [];
  server.on('upgrade', (request, socket: Socket, head) =>
    acceptor.accept([request, socket, head], (receiver) => void receivers.push(receiver)),
  );
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const senders: NodeSocket[] = [];
  for (let i = 0; i < count; i++) {
    const sender = openSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
    await once(sender, 'open');
    senders.push(sender);
  }
  return senders.map((sender, i) => ({ sender, receiver: receivers[i]! }));
}

/** Of message `seed`: 0 to 250 round and round from another start, so that no run of memory looks like another message's. */
function pattern(seed: number, length: number): Buffer {
  return Buffer.alloc(length, patternRun.subarray((seed * 97) % 251, ((seed * 97) % 251) + 251));
}
const patternRun = Buffer.from(Array.from({ length: 502 }, (_, i) => i % 251));

/** Waits for `lengths.length` messages; resolves to those that were not what was sent. */
function wrongOnes(receiver: NodeSocket, lengths: readonly number[]): Promise<number[]> {
  const wrong: number[] = [];
  let next = 0;
  return new Promise((resolve, reject) => {
    receiver.once('close', () => reject(new Error('closed')));
    receiver.on('message', (fragments: Buffer[]) => {
      if (!Buffer.concat(fragments).equals(pattern(next, lengths[next]!))) wrong.push(next);
      if (++next === lengths.length) resolve(wrong);
    });
  });
}

function sendAll(sender: NodeSocket, lengths: readonly number[]): void {
  for (const [i, length] of lengths.entries()) {
    const bytes = pattern(i, length);
    if (length > 24) sender.sendParts(bytes.subarray(0, 24), [bytes.subarray(24)], () => {});
    else sender.send(bytes);
  }
}

const sizes = [1, 24, 125, 126, 16_383, 16_384, 65_535, 65_536, 200_001, 524_312, maxFrameBytes];
/** 40 MB: the memory of a connection many times over, each size behind each other one. */
const mixed = Array.from({ length: 200 }, (_, i) => sizes[(i * (1 + Math.floor(i / 11))) % 11]!);
const bulk = Array.from({ length: 100 }, () => 524_312);

test.each([
  ['of all sizes', mixed],
  ['in bulk', bulk],
])('messages %s arrive as they were sent', async (_, lengths) => {
  const [{ sender, receiver }] = (await open()) as [Pair];
  receiver.expectBulk();
  const wrong = wrongOnes(receiver, lengths);
  sendAll(sender, lengths);
  expect(await wrong).toEqual([]);
});

test('a receiver that pauses again and again gets the same', async () => {
  const [{ sender, receiver }] = (await open()) as [Pair];
  receiver.expectBulk();
  receiver.on('message', () => {
    receiver.pause();
    setImmediate(() => receiver.resume());
  });
  const wrong = wrongOnes(receiver, mixed);
  sendAll(sender, mixed);
  expect(await wrong).toEqual([]);
});

test('the beginning of a message is not overwritten, however much comes before its end', async () => {
  const [{ sender, receiver }] = (await open()) as [Pair];
  receiver.expectBulk();
  const lengths = [...bulk, 500_000];
  const wrong = wrongOnes(receiver, lengths);
  sendAll(sender, bulk);
  const last = pattern(bulk.length, 500_000);
  for (let at = 0; at < last.length; at += 1000) {
    if (at === last.length / 2) for (let pong = 0; pong < 40_000; pong++) sender.pong(Buffer.alloc(125)); // twice the memory
    sender.send(last.subarray(at, at + 1000), { fin: at + 1000 === last.length });
  }
  expect(await wrong).toEqual([]);
});

test('nothing is read while the receiver pauses', async () => {
  const [paused, other] = (await open(2)) as [Pair, Pair];
  paused.receiver.expectBulk();
  const first = once(paused.receiver, 'message');
  const wrong = wrongOnes(paused.receiver, bulk);
  paused.receiver.once('message', () => paused.receiver.pause());
  sendAll(paused.sender, bulk);
  await first;
  const { _socket: wire } = paused.receiver as unknown as { _socket: { bytesRead: number } };
  const read = wire.bytesRead;
  for (let round = 0; round < 200; round++) {
    other.sender.send(Buffer.alloc(1));
    await once(other.receiver, 'message'); // a turn of the loop in which the paused one could have been read too
  }
  expect(wire.bytesRead).toBe(read);
  paused.receiver.resume();
  expect(await wrong).toEqual([]);
});

test('a frame that is waited for, or held until somebody reads, outlives the reads after it', async () => {
  const [{ sender, receiver }] = (await open()) as [Pair];
  const connection = new Connection(receiver, { maxHeldBytes: 64 * 2 ** 20 }, true);
  const payloads = Array.from({ length: 2000 }, (_, i) => pattern(i, 1000));
  for (const payload of payloads) sender.send(encodeFrame('control', payload));
  sender.pong(); // behind them
  const frames = [await connection.next()];
  await once(receiver, 'pong');
  connection.read((frame) => void frames.push(frame));
  expect(frames.findIndex((frame, i) => !payloads[i]!.equals(payloadOf(frame)))).toBe(-1);
  expect(frames).toHaveLength(payloads.length);
});

test.each([16_384, 512 * 1024])('a read of up to %i bytes goes where nothing is held', (most) => {
  const memory = new ReadMemory();
  if (most > 16_384) grow(memory);
  let held: { where: Buffer; stamp: number }[] = [];
  let random = 1;
  const draw = (below: number): number => (random = (random * 48_271) % 2_147_483_647) % below; // Park and Miller
  for (let read = 0; read < 5000; read++) {
    const where = memory.next();
    expect(where.length).toBe(most);
    where.fill(read % 251);
    for (const { where: other, stamp } of held) expect([other[0], other.at(-1)]).toEqual([stamp, stamp]);
    const length = draw(3) === 0 ? most : 1 + draw(most);
    memory.filled(length, where);
    held.push({ where: where.subarray(0, length), stamp: read % 251 });
    if (draw(3) > 0) continue;
    memory.release();
    held = held.slice(-1);
  }
});

test('only who was let in gets more than the first memory', () => {
  const memory = new ReadMemory();
  expect([1, 2, 3].map(() => fill(memory))).toEqual([16_384, 16_384, 16_384]);
  grow(memory);
  expect(fill(memory)).toBe(512 * 1024);
});

/** A read of as much as there may be. */
function fill(memory: ReadMemory): number {
  const where = memory.next();
  memory.filled(where.length, where);
  memory.release();
  return where.length;
}

function grow(memory: ReadMemory): void {
  memory.allowGrowth();
  fill(memory);
}
