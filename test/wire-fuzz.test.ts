// Bytes from strangers: whatever arrives, the decoders either understand it or throw a ProtocolError, and nothing else.

import { decodeControl, decodeFrame, encodeControl, encodeFrame, Mailbox, ProtocolError } from '@lockstep/collectives';
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
    const bytes = encodeFrame('data', payload, fields);
    for (const [at, byte] of changes) if (at < bytes.length) bytes[at] = byte;
    return bytes.subarray(0, length);
  });

test('frames', () => {
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 64 }), spoiled), (bytes) => {
      understands(() => expect(decodeFrame(bytes).payload.length).toBe(bytes.length - 24));
    }),
    { numRuns: 2000 },
  );
});

test('what is refused is never a frame that was made whole', () => {
  const inside = fc.record({ header, payload: fc.uint8Array({ minLength: 1, maxLength: 40 }) });
  fc.assert(
    fc.property(inside, ({ header: fields, payload }) => {
      const fits = fields.offset + payload.length <= fields.total;
      expect(understands(() => decodeFrame(encodeFrame('data', payload, fields)))).toBe(fits);
    }),
  );
});

test('control messages', () => {
  const real = fc.jsonValue().map((value) => decodeFrame(encodeControl({ kind: 'value', value })).payload);
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
