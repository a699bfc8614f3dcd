import { expect, test } from 'vitest';
import { decodeFrame, encodeFrame } from './frame.ts';
import { Outbox } from './outbox.ts';
import type { SocketLike } from './socket.ts';

/** Buffers what it is given until `write` is called. */
class SlowSocket implements SocketLike {
  binaryType = 'arraybuffer';
  readonly frames: Uint8Array[] = [];
  readonly #waiting: { bytes: number; written: () => void }[] = [];
  mostBuffered = 0;

  get bufferedAmount(): number {
    return this.#waiting.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  send(data: Uint8Array, written: () => void): void {
    this.frames.push(data);
    this.#waiting.push({ bytes: data.length, written });
    this.mostBuffered = Math.max(this.mostBuffered, this.bufferedAmount);
  }

  /** Writes one frame out; false when none waits. */
  write(): boolean {
    const first = this.#waiting.shift();
    first?.written();
    return first !== undefined;
  }

  close(): void {}
  addEventListener(): void {}
}

const mebibyte = 2 ** 20;
const header = { epoch: 1, from: 0, to: 1, tag: 0 };
const setUp = (): { socket: SlowSocket; outbox: Outbox } => {
  const socket = new SlowSocket();
  return { socket, outbox: new Outbox(socket, { maxBufferedBytes: mebibyte }) };
};

test('hands a reader that does not read no more than the cap and one frame', async () => {
  const { socket, outbox } = setUp();
  const sent = outbox.send(header, new Uint8Array(20 * mebibyte));
  while (socket.write());
  await sent;
  await outbox.drained();
  expect(socket.mostBuffered).toBeGreaterThanOrEqual(mebibyte);
  expect(socket.mostBuffered).toBeLessThan(2 * mebibyte);
});

test('goes on by itself where the socket does not say what was written', async () => {
  const { socket, outbox } = setUp();
  let silent = true;
  Object.defineProperty(socket, 'bufferedAmount', { get: () => (silent ? mebibyte : 0) });
  const sent = outbox.send(header, new Uint8Array(10));
  silent = false;
  await sent;
  expect(socket.frames).toHaveLength(1);
});

test('lets streams take turns, so that a small message passes a large one', () => {
  const { socket, outbox } = setUp();
  void outbox.send(header, new Uint8Array(8 * mebibyte));
  void outbox.send({ ...header, tag: 1 }, new Uint8Array(1));
  while (socket.write());
  const tags = socket.frames.map((frame) => decodeFrame(frame).tag);
  expect(tags.indexOf(1)).toBeLessThan(8);
  expect(tags.lastIndexOf(0)).toBe(tags.length - 1);
});

test('keeps the order within a stream', () => {
  const { socket, outbox } = setUp();
  for (const fill of [1, 2, 3]) void outbox.send(header, new Uint8Array(mebibyte).fill(fill));
  while (socket.write());
  const order = socket.frames.map((frame) => decodeFrame(frame).payload[0]!);
  expect(order).toEqual(order.toSorted((a, b) => a - b));
});

test('sends control frames before data that waits', () => {
  const { socket, outbox } = setUp();
  void outbox.send(header, new Uint8Array(8 * mebibyte));
  const before = socket.frames.length;
  outbox.post(encodeFrame('control', new Uint8Array(1)));
  while (socket.write());
  expect(decodeFrame(socket.frames[before]!).kind).toBe('control');
});

test('forgets what waits for a lost peer and serves the others', async () => {
  const { socket, outbox } = setUp();
  const lost = expect(outbox.send(header, new Uint8Array(8 * mebibyte))).rejects.toThrow('gone');
  const kept = outbox.send({ ...header, to: 2 }, new Uint8Array(mebibyte));
  outbox.fail(new Error('gone'), 1);
  while (socket.write());
  await Promise.all([lost, kept]);
});

test('rejects everything after a failure', async () => {
  const { outbox } = setUp();
  outbox.fail(new Error('over'));
  await expect(outbox.send(header, new Uint8Array(1))).rejects.toThrow('over');
  await outbox.drained();
});
