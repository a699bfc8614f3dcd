// Bytes from strangers: whatever arrives, the decoders either understand it or throw a ProtocolError, and nothing else.

import {
  decodeControl,
  decodeFrame,
  encodeControl,
  encodeFrame,
  Inflow,
  Mailbox,
  Outflow,
  payloadOf,
  ProtocolError,
} from '@lockstep/collectives';
import fc from 'fast-check';
import { expect, test } from 'vitest';

/** Runs `decode`; false when the bytes were refused in the right way. */
function understands(decode: () => void): boolean {
  try {
    decode();
    return true;
  } catch (error) {
    expect(error).toBeInstanceOf(ProtocolError);
    return false;
  }
}

const header = fc.record({
  epoch: fc.nat(65535),
  from: fc.nat(65535),
  to: fc.nat(65535),
  tag: fc.nat(2 ** 32 - 1),
  total: fc.nat(2 ** 32 - 1),
  offset: fc.nat(2 ** 32 - 1),
});
/** A true frame with some bytes overwritten and perhaps cut. */
const spoiled = fc
  .record({
    payload: fc.uint8Array({ maxLength: 40 }),
    header,
    changes: fc.array(fc.tuple(fc.nat(63), fc.nat(255)), { maxLength: 4 }),
    length: fc.nat(64),
  })
  .map(({ payload, header: fields, changes, length }) => {
    const bytes = encodeFrame('piece', payload, fields);
    for (const [at, byte] of changes) if (at < bytes.length) bytes[at] = byte;
    return bytes.subarray(0, length);
  });

test('frames', () => {
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 64 }), spoiled), (bytes) => {
      understands(() => expect(payloadOf(decodeFrame(bytes)).length).toBe(bytes.length - 24));
    }),
    { numRuns: 2000 },
  );
});

test('what is refused is never a frame that was made whole', () => {
  const inside = fc.record({ header, payload: fc.uint8Array({ minLength: 1, maxLength: 40 }) });
  fc.assert(
    fc.property(inside, ({ header: fields, payload }) => {
      const fits = fields.offset + payload.length <= fields.total;
      expect(understands(() => decodeFrame(encodeFrame('piece', payload, fields)))).toBe(fits);
    }),
  );
});

test('control messages', () => {
  const real = fc.jsonValue().map((value) => payloadOf(decodeFrame(encodeControl({ kind: 'value', value }))));
  const changed = fc.tuple(real, fc.nat(), fc.nat(255)).map(([bytes, at, byte]) => bytes.with(at % bytes.length, byte));
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 64 }), changed), (bytes) => {
      understands(() => decodeControl(bytes));
    }),
    { numRuns: 1000 },
  );
});

test('pieces that lie about their message', () => {
  const piece = fc.record({
    from: fc.nat(2),
    tag: fc.nat(2),
    total: fc.oneof(fc.nat(8), fc.nat(2 ** 32 - 1)),
    offset: fc.nat(8),
    payload: fc.uint8Array({ maxLength: 8 }),
  });
  const action = fc.oneof(piece, fc.record({ from: fc.nat(2), tag: fc.nat(2), length: fc.nat(8) }));
  fc.assert(
    fc.property(fc.array(action, { maxLength: 30 }), (actions) => {
      const mailbox = new Mailbox({ maxEarlyBytes: 4096 });
      for (const one of actions) {
        if ('length' in one) mailbox.recv(one.from, one.tag, new Uint8Array(one.length)).catch(() => {});
        else understands(() => mailbox.deliver(one));
      }
      mailbox.close(new Error('done'));
    }),
    { numRuns: 1000 },
  );
});

test('frames cut into fragments anywhere mean the same', () => {
  const cut = fc.tuple(fc.oneof(spoiled, fc.uint8Array({ maxLength: 64 })), fc.array(fc.nat(64), { maxLength: 4 }));
  fc.assert(
    fc.property(cut, ([bytes, at]) => {
      const ends = [...at.filter((one) => one < bytes.length).toSorted((a, b) => a - b), bytes.length];
      const fragments = ends.map((end, i) => bytes.subarray(ends[i - 1] ?? 0, end));
      let whole: unknown;
      const isWhole = understands(() => (whole = meaningOf(bytes)));
      expect(understands(() => expect(meaningOf(fragments)).toEqual(whole))).toBe(isWhole);
    }),
    { numRuns: 1000 },
  );
});

function meaningOf(message: Parameters<typeof decodeFrame>[0]): object {
  const { parts: _, ...frame } = decodeFrame(message);
  return { ...frame, payload: [...payloadOf(decodeFrame(message))] };
}

const length = fc.oneof(fc.nat(8), fc.nat(2 ** 17));
const arrivals = fc.record({
  kind: fc.constantFrom('eager', 'piece', 'announce'),
  tag: fc.nat(2),
  total: fc.oneof(length, fc.nat(2 ** 32 - 1)),
  offset: fc.oneof(fc.constant(0), length),
  length,
});

test('a receiving flow fed with anything', () => {
  const receive = fc.record({ kind: fc.constant('recv' as const), tag: fc.nat(2), length });
  fc.assert(
    fc.property(fc.array(fc.oneof(arrivals, receive), { maxLength: 200 }), (actions) => {
      const inflow = new Inflow(1, () => {});
      for (const one of actions) {
        if (one.kind === 'recv') inflow.recv(one.tag, new Uint8Array(one.length)).catch(() => {});
        else understands(() => feed(inflow, one));
        expect(inflow.earlyBytes).toBeLessThanOrEqual(4 * 2 ** 20);
      }
      inflow.close(new Error('done'));
      expect(inflow.earlyBytes).toBe(0);
    }),
    { numRuns: 500 },
  );
});

/** Only what the decoder lets pass can reach a flow. */
function feed(inflow: Inflow, { kind, tag, ...one }: typeof arrivals extends fc.Arbitrary<infer T> ? T : never): void {
  const payload = new Uint8Array(kind === 'announce' ? 0 : one.length);
  const header = { epoch: 1, from: 1, to: 0, tag, total: one.total, offset: one.offset };
  const frame = decodeFrame(encodeFrame(kind, payload, header));
  inflow.take({ ...frame, kind });
}

test('a sending flow answered with anything', () => {
  const answer = fc.record({
    kind: fc.constantFrom('send', 'grant', 'credit', 'next'),
    tag: fc.nat(2),
    total: fc.oneof(length, fc.nat(2 ** 32 - 1)),
    length,
  });
  fc.assert(
    fc.property(fc.array(answer, { maxLength: 200 }), (actions) => {
      const outflow = new Outflow(() => {});
      for (const { kind, tag, total, length: bytes } of actions) {
        if (kind === 'send') outflow.send(tag, new Uint8Array(bytes)).catch(() => {});
        else if (kind === 'next') outflow.next()?.written?.();
        else understands(() => (kind === 'grant' ? outflow.grant(tag, total) : outflow.credit(total)));
        expect(outflow.unconsumedBytes).toBeLessThanOrEqual(4 * 2 ** 20);
        expect(outflow.unconsumedBytes).toBeGreaterThanOrEqual(0);
      }
      outflow.fail(new Error('done'));
      expect(outflow.next()).toBeUndefined();
    }),
    { numRuns: 500 },
  );
});
