import { expect, test } from 'vitest';
import { BoundSocket } from './bound-socket.ts';
import { type FlowFrame, pieceBytes } from './flow.ts';
import { decodeFrame, encodeFrame } from './frame.ts';
import { Outbox } from './outbox.ts';
import { Outflow } from './outflow.ts';
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
const route = { epoch: 1, from: 0, to: 1 };

function setUp(): { socket: SlowSocket; outbox: Outbox; send: (bytes: number, tag?: number) => Promise<void> } {
  const socket = new SlowSocket();
  const outbox = new Outbox(new BoundSocket(socket), { maxBufferedBytes: mebibyte });
  const flow = new Outflow(() => outbox.pump());
  outbox.add(flow, route);
  const send = (bytes: number, tag = 0): Promise<void> => {
    flow.grant(tag, bytes);
    return flow.send(tag, new Uint8Array(bytes));
  };
  return { socket, outbox, send };
}

test('hands a reader that does not read no more than the cap and one frame', async () => {
  const { socket, send } = setUp();
  const sent = send(20 * mebibyte);
  while (socket.write());
  await sent;
  expect(socket.mostBuffered).toBeGreaterThanOrEqual(mebibyte);
  expect(socket.mostBuffered).toBeLessThan(2 * mebibyte);
});

test('goes on by itself where the socket does not say what was written', async () => {
  const { socket, send } = setUp();
  let silent = true;
  Object.defineProperty(socket, 'bufferedAmount', { get: () => (silent ? mebibyte : 0) });
  const sent = send(10);
  silent = false;
  await sent;
  expect(socket.frames).toHaveLength(1);
});

test('sends control frames before data that waits', () => {
  const { socket, outbox, send } = setUp();
  void send(8 * mebibyte);
  const before = socket.frames.length;
  outbox.post(encodeFrame('control', new Uint8Array(1)));
  while (socket.write());
  expect(decodeFrame(socket.frames[before]!).kind).toBe('control');
});

test('lets sources take turns', () => {
  const { socket, outbox, send } = setUp();
  const other: FlowFrame[] = [{ kind: 'eager', tag: 9, total: 1, offset: 0, payload: Uint8Array.of(1) }];
  void send(8 * mebibyte);
  outbox.add({ next: () => other.shift() }, { ...route, to: 2 });
  while (socket.write());
  const receivers = socket.frames.map((frame) => decodeFrame(frame).to);
  expect(receivers.indexOf(2)).toBeLessThanOrEqual(mebibyte / pieceBytes + 1);
});

test('keeps no more answers than it has a limit for from a reader that only asks', () => {
  const socket = new SlowSocket();
  const floods: number[] = [];
  const outbox = new Outbox(new BoundSocket(socket), { maxBufferedBytes: mebibyte }, ({ closeCode }) => {
    floods.push(closeCode);
    outbox.close();
  });
  let posted = 0;
  for (const answer = encodeFrame('control', new Uint8Array(1000)); floods.length === 0; posted += answer.length)
    outbox.post(answer);
  expect(floods).toEqual([4007]);
  expect(posted).toBeLessThan(6 * mebibyte);
});

test('sends nothing after it was closed', async () => {
  const { socket, outbox, send } = setUp();
  outbox.close();
  void send(10);
  outbox.post(encodeFrame('control', new Uint8Array(1)));
  await outbox.drained();
  expect(socket.frames).toEqual([]);
});
