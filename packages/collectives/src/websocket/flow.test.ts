import { expect, test } from 'vitest';
import { type ArrivedFrame, eagerBytes, type FlowFrame, messageOverhead, pieceBytes, windowBytes } from './flow.ts';
import { Inflow } from './inflow.ts';
import { Outflow } from './outflow.ts';

/** Both halves, and a wire between them that carries frames only when asked. */
class Wire {
  readonly outflow = new Outflow(() => {});
  readonly inflow = new Inflow(1, () => {});
  /** All that went from the sender. */
  readonly frames: FlowFrame[] = [];

  /** Carries one frame each way; false when there was none. */
  step(): boolean {
    const frame = this.outflow.next();
    if (frame) this.frames.push(frame);
    if (frame) this.inflow.take({ ...frame, length: frame.payload.length, parts: [frame.payload] } as ArrivedFrame);
    frame?.written?.();
    const reply = this.inflow.next();
    if (reply?.kind === 'grant') this.outflow.grant(reply.tag, reply.total);
    if (reply?.kind === 'credit') this.outflow.credit(reply.total);
    return frame !== undefined || reply !== undefined;
  }

  run(): void {
    while (this.step());
  }
}

const large = 3 * pieceBytes + 5;
const bytes = (length: number, value: number): Uint8Array => new Uint8Array(length).fill(value);

test('keeps a small message until it is received', async () => {
  const wire = new Wire();
  const sent = wire.outflow.send(0, bytes(3, 7));
  wire.run();
  await sent;
  expect(wire.inflow.earlyBytes).toBe(3 + messageOverhead);
  const into = new Uint8Array(3);
  await wire.inflow.recv(0, into);
  expect([...into]).toEqual([7, 7, 7]);
  expect(wire.inflow.earlyBytes).toBe(0);
});

test('sends no byte of a large message before its receive', async () => {
  const wire = new Wire();
  const sent = wire.outflow.send(0, bytes(large, 7));
  wire.run();
  expect(wire.frames.map(({ kind }) => kind)).toEqual(['announce']);
  const into = new Uint8Array(large);
  const received = wire.inflow.recv(0, into);
  wire.run();
  await Promise.all([sent, received]);
  expect(into).toEqual(bytes(large, 7));
});

test('announces nothing when the receive was first', async () => {
  const wire = new Wire();
  const received = wire.inflow.recv(0, new Uint8Array(large));
  wire.run();
  const sent = wire.outflow.send(0, bytes(large, 7));
  wire.run();
  await Promise.all([sent, received]);
  expect(new Set(wire.frames.map(({ kind }) => kind))).toEqual(new Set(['piece']));
});

test('keeps the order of a tag over small and large messages, however receives come', async () => {
  for (const receiveAt of [0, 1, 2, 3, 5, 8]) {
    const wire = new Wire();
    const lengths = [large, 1, 0, eagerBytes + 1, 2, large];
    const sent = lengths.map((length, i) => wire.outflow.send(0, bytes(length, i)));
    for (let i = 0; i < receiveAt; i++) wire.step();
    const intos = lengths.map((length) => new Uint8Array(length));
    const received = intos.map((into) => wire.inflow.recv(0, into));
    wire.run();
    await Promise.all([...sent, ...received]);
    expect(intos.every((into, i) => into.every((byte) => byte === i))).toBe(true);
  }
});

test('a small message passes a large one, and large ones take turns', async () => {
  const wire = new Wire();
  const received = [1, 2].map((tag) => wire.inflow.recv(tag, new Uint8Array(large)));
  wire.run();
  const sent = [1, 2].map((tag) => wire.outflow.send(tag, bytes(large, tag)));
  wire.step();
  sent.push(wire.outflow.send(3, bytes(1, 3)));
  wire.run();
  await Promise.all([...sent, ...received]);
  expect(wire.frames.map(({ tag }) => tag)).toEqual([1, 3, 2, 1, 2, 1, 2, 1, 2]);
});

test('has no more in flight than the window, and goes on by asking', async () => {
  const wire = new Wire();
  const count = 2 * (windowBytes / eagerBytes);
  const sent = Array.from({ length: count }, (_, tag) => wire.outflow.send(tag, bytes(eagerBytes, tag)));
  wire.run();
  expect(wire.outflow.unconsumedBytes).toBeLessThanOrEqual(windowBytes);
  expect(wire.inflow.earlyBytes).toBe(wire.outflow.unconsumedBytes);
  // The last one first: what waits for room must not be stuck behind what nobody receives yet.
  for (let tag = count - 1; tag >= 0; tag--) {
    const into = new Uint8Array(eagerBytes);
    const received = wire.inflow.recv(tag, into);
    wire.run();
    await received;
    expect(into[0]).toBe(tag % 256);
  }
  await Promise.all(sent);
  expect(wire.outflow.unconsumedBytes).toBeLessThanOrEqual(windowBytes / 4);
});

test.each([
  ['small for large', 5, large],
  ['large for small', large, 5],
  ['large for large', large, large + 1],
  ['small for small', 5, 6],
])('a message of another length rejects its receive: %s', async (_, length, expected) => {
  for (const isEarly of [true, false]) {
    const wire = new Wire();
    const sent = wire.outflow.send(0, bytes(length, 1));
    if (isEarly) wire.run();
    const received = expect(wire.inflow.recv(0, new Uint8Array(expected))).rejects.toMatchObject({ code: 'PROTOCOL' });
    try {
      wire.run();
    } catch (error) {
      expect(error).toMatchObject({ code: 'PROTOCOL' });
    }
    await received;
    wire.outflow.fail(new Error('over'));
    await sent.catch(() => {});
  }
});

const arrived = (frame: Partial<ArrivedFrame>): ArrivedFrame => {
  const parts = [new Uint8Array(frame.length ?? 0)];
  return { kind: 'eager', tag: 0, total: frame.length ?? 0, offset: 0, length: 0, parts, ...frame };
};

test.each<[string, (inflow: Inflow) => void]>([
  ['more than the window', (inflow) => inflow.take(arrived({ length: eagerBytes }))],
  ['empty messages without end', (inflow) => inflow.take(arrived({}))],
  ['announcements without end', (inflow) => inflow.take(arrived({ kind: 'announce', total: 9 }))],
  ['what was never granted', (inflow) => inflow.take(arrived({ kind: 'piece', length: 5 }))],
  ['a large message at once', (inflow) => inflow.take(arrived({ length: eagerBytes + 1 }))],
])('calls it a flood: %s', (_, flood) => {
  const inflow = new Inflow(1, () => {});
  const go = (): void => {
    for (let i = 0; i < 50_000; i++) flood(inflow);
  };
  expect(go).toThrow(expect.objectContaining({ closeCode: 4007, message: expect.stringContaining('rank 1') }));
  expect(inflow.earlyBytes).toBeLessThanOrEqual(windowBytes);
});

test('takes no credit for what was not sent, and no grants without end', () => {
  const outflow = new Outflow(() => {});
  expect(() => outflow.credit(1)).toThrow('expected a credit of at most 0 bytes');
  const flood = (): void => {
    for (let i = 0; i < 50_000; i++) outflow.grant(i, 1);
  };
  expect(flood).toThrow(expect.objectContaining({ closeCode: 4007 }));
});

test('after a loss, gives out whole messages and rejects the rest', async () => {
  const wire = new Wire();
  const half = expect(wire.inflow.recv(5, new Uint8Array(large))).rejects.toThrow('gone');
  const sent = [wire.outflow.send(0, bytes(1, 4)), wire.outflow.send(5, bytes(large, 1))];
  for (let i = 0; i < 3; i++) wire.step();
  wire.inflow.lose(new Error('gone'));
  wire.outflow.fail(new Error('gone'));
  await half;
  await Promise.allSettled(sent);
  const into = new Uint8Array(1);
  await wire.inflow.recv(0, into);
  expect([...into]).toEqual([4]);
  await expect(wire.inflow.recv(0, into)).rejects.toThrow('gone');
  await expect(wire.outflow.send(0, into)).rejects.toThrow('gone');
});
