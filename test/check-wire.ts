// Bytes from others: whatever arrives, whoever decodes it either understands it or throws a ProtocolError, and nothing else.

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
  type SocketLike,
} from '@lockstep/collectives';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createIdentity } from '../packages/collectives/src/node/identity.ts';
import { nodeTags } from '../packages/collectives/src/node/node-tags.ts';
import { BoundSocket } from '../packages/collectives/src/websocket/bound-socket.ts';
import { peerAddress } from '../packages/collectives/src/websocket/peer-address.ts';
import { checkAcceptance, checkProof } from '../packages/collectives/src/websocket/proof.ts';
import { TrainReports } from '../packages/lockstep/src/hub/train-reports.ts';
import { readLauncherWords, readWords } from '../packages/lockstep/src/hub/words.ts';

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

/** Only what the decoder lets pass can reach a flow. */
function feed(inflow: Inflow, { kind, tag, ...one }: typeof arrivals extends fc.Arbitrary<infer T> ? T : never): void {
  const payload = new Uint8Array(kind === 'announce' ? 0 : one.length);
  const header = { epoch: 1, from: 1, to: 0, tag, total: one.total, offset: one.offset };
  const frame = decodeFrame(encodeFrame(kind, payload, header));
  inflow.take({ ...frame, kind });
}

const secret = { token: 'secret', purpose: 'hub' } as const;
const nonce = new Uint8Array(32);
const address = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.webUrl({ validSchemes: ['ws', 'wss', 'http', 'file'], withQueryParameters: true }),
  fc
    .tuple(fc.constantFrom('ws://', 'wss://', 'WS://', 'ws:'), fc.string({ maxLength: 20 }), fc.nat(70_000))
    .map(([scheme, host, port]) => `${scheme}${host}:${port}`),
);
const hexOr = fc.oneof(fc.string({ maxLength: 70 }), fc.constant('ab'.repeat(32)));

const reports = (): TrainReports => new TrainReports({ fromStep: 0, steps: 9 });
const said = fc.oneof(
  fc.anything(),
  fc.record(
    {
      kind: fc.constantFrom(
        'ready',
        'note',
        'spans',
        'step',
        'validation',
        'sample',
        'checkpoint',
        'done',
        'failed',
        'heeds',
      ),
      step: fc.oneof(fc.integer(), fc.double(), fc.anything()),
      steps: fc.oneof(fc.integer(), fc.anything()),
      loss: fc.oneof(fc.double(), fc.anything()),
      text: fc.oneof(fc.string(), fc.anything()),
      metrics: fc.anything(),
      spans: fc.oneof(fc.array(fc.anything()), fc.anything()),
      code: fc.string(),
      message: fc.oneof(fc.string(), fc.anything()),
    },
    { requiredKeys: ['kind'] },
  ),
);

/** Feeds every decoder of what comes over the wire with some hundred to thousand inputs, times `effort`. */
export function checkWire({ effort }: { effort: number }): void {
  test('frames', () => {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 64 }), spoiled), (bytes) => {
        understands(() => expect(payloadOf(decodeFrame(bytes)).length).toBe(bytes.length - 24));
      }),
      { numRuns: 2000 * effort },
    );
  });

  test('what is refused is never a frame that was made whole', () => {
    const inside = fc.record({ header, payload: fc.uint8Array({ minLength: 1, maxLength: 40 }) });
    fc.assert(
      fc.property(inside, ({ header: fields, payload }) => {
        const fits = fields.offset + payload.length <= fields.total;
        expect(understands(() => decodeFrame(encodeFrame('piece', payload, fields)))).toBe(fits);
      }),
      { numRuns: 100 * effort },
    );
  });

  test('control messages', () => {
    const real = fc.jsonValue().map((value) => payloadOf(decodeFrame(encodeControl({ kind: 'value', value }))));
    const changed = fc
      .tuple(real, fc.nat(), fc.nat(255))
      .map(([bytes, at, byte]) => bytes.with(at % bytes.length, byte));
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 64 }), changed), (bytes) => {
        understands(() => decodeControl(bytes));
      }),
      { numRuns: 1000 * effort },
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
      { numRuns: 1000 * effort },
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
      { numRuns: 1000 * effort },
    );
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
      { numRuns: 500 * effort },
    );
  });

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
      { numRuns: 500 * effort },
    );
  });

  test('proofs', async () => {
    const long = fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.uint8Array({ minLength: 65, maxLength: 65 + 2 * 64 }));
    await fc.assert(
      fc.asyncProperty(long, async (proof) => {
        const checking = checkProof(() => secret, { challenge: nonce, proof, job: 'moby' });
        await expect(checking).rejects.toBeInstanceOf(ProtocolError);
      }),
      { numRuns: 200 * effort },
    );
  });

  test('acceptances', async () => {
    const claim = { nonce, job: '', name: 'a' };
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (acceptance) => {
        expect(await checkAcceptance(secret, { challenge: nonce, claim, acceptance })).toBeUndefined();
      }),
      { numRuns: 200 * effort },
    );
  });

  test('bound messages, cut anywhere, are taken only as they were sent', () => {
    const key = new Uint8Array(32).fill(7);
    const message = fc.record({
      payload: fc.uint8Array({ maxLength: 60 }),
      change: fc.option(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 }))),
      cuts: fc.array(fc.nat(80), { maxLength: 4 }),
    });
    fc.assert(
      fc.property(message, ({ payload, change, cuts }) => {
        const bytes = Uint8Array.of(...nodeTags(key)([payload]), ...payload) as Uint8Array;
        if (change) bytes[change[0] % bytes.length]! ^= change[1];
        const ends = [...cuts.filter((cut) => cut < bytes.length).toSorted((a, b) => a - b), bytes.length];
        const fragments = ends.map((end, i) => bytes.subarray(ends[i - 1] ?? 0, end));
        const bound = new BoundSocket({ tags: nodeTags } as unknown as SocketLike);
        bound.bind({ send: key, receive: key });
        const taken: number[][] = [];
        const take = (parts: Parameters<typeof decodeFrame>[0]): void =>
          void taken.push([...parts].flatMap((part) => [...(part as Uint8Array)]));
        const isTaken = understands(() => bound.receive(fragments, take));
        expect([isTaken, taken]).toEqual(change ? [false, []] : [true, [[...payload]]]);
      }),
      { numRuns: 1000 * effort },
    );
  });

  test('addresses of members are a host and a port, or none', () => {
    const addresses = fc.record({ ws: address, 'ws-fingerprint': hexOr, 'ws-key': fc.string() }, { requiredKeys: [] });
    fc.assert(
      fc.property(addresses, fc.boolean(), (given, isSecure) => {
        understands(() => {
          const found = peerAddress({ name: 'a', host: 'h', addresses: given as Record<string, string> }, { isSecure });
          if (!found) return expect(given.ws).toBeUndefined();
          const { protocol, pathname, search, hash, username } = new URL(found.url);
          expect([pathname, search, hash, username]).toEqual(['/', '', '', '']);
          expect(isSecure ? ['wss:'] : ['ws:', 'wss:']).toContain(protocol);
        });
      }),
      { numRuns: 1000 * effort },
    );
  });

  test('public keys', () => {
    const identity = createIdentity();
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.uint8Array({ minLength: 32, maxLength: 32 }).map((key) => Buffer.from(key).toString('base64url')),
        ),
        (key) => {
          expect(identity.agree(key)?.length ?? 32).toBe(32);
        },
      ),
      { numRuns: 200 * effort },
    );
  });

  test('what workers say to the launcher', () => {
    fc.assert(
      fc.property(fc.array(said, { maxLength: 5 }), fc.integer({ min: -1, max: 2 }), (values, rank) => {
        const reader = reports();
        for (const value of values) understands(() => readWords(value) ?? reader.read(value, { worker: 'a', rank }));
      }),
      { numRuns: 500 * effort },
    );
  });

  test('what the launcher says to workers', () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        expect(understands(() => readLauncherWords(value))).toBe(false);
      }),
      { numRuns: 300 * effort },
    );
  });
}
