// What strangers and members could send to the UCX bridge, in millions of variations: addresses, offers, notices and the
// descriptions of calls are refused or understood, and never anything else.

import { MismatchError } from '@lockstep/collectives';
import { expect, test } from 'vitest';
import { decodeNotice, encodeNotice, noticeBytes } from '../packages/collectives/src/notice.ts';
import { encodeSignature, mismatchError, signatureBytes } from '../packages/collectives/src/signature.ts';
import { decodeAddress, encodeAddress, encodeBody } from '../packages/rdma/src/address.ts';
import {
  controlOf,
  groupOf,
  isControl,
  isOffer,
  offerOf,
  plainOf,
  rankOf,
  viewOf,
} from '../packages/rdma/src/messages.ts';
import { isWithinArena } from '../packages/rdma/src/offers.ts';

const rounds = 100_000;
const minute = 60_000;

/** Marsaglia's xorshift32, so that a failure can be had again. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

/** A copy with a few bytes changed, and cut or made longer now and then. */
function mutated(bytes: Uint8Array, random: () => number): Uint8Array {
  const kind = random() % 8;
  const length =
    kind === 0 ? random() % (bytes.length + 1) : kind === 1 ? bytes.length + (random() % 300) : bytes.length;
  const copy = new Uint8Array(length);
  copy.set(bytes.subarray(0, length));
  for (let changes = random() % 6; changes > 0 && length > 0; changes--) copy[random() % length] = random();
  return copy;
}

const code = (work: () => unknown): unknown => {
  try {
    work();
    return 'understood';
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
};

test(
  'an address that was changed is refused by a coded error, and one that was not is understood',
  () => {
    const random = randomOf(8);
    const arena = { fd: 40, id: new Uint8Array(16).fill(3) };
    const ucx = Uint8Array.from({ length: 90 }, (_, i) => i);
    const body = encodeBody({ version: '1.13', host: new Uint8Array(16), pid: 77, arena, ucx });
    const whole = encodeAddress(body, 41);
    for (let i = 0; i < rounds; i++) {
      const bytes = mutated(whole, random);
      const isSame = Buffer.compare(bytes, whole) === 0;
      expect(code(() => decodeAddress(1, bytes, '1.13'))).toBe(isSame ? 'understood' : 'PROTOCOL');
    }
    for (let i = 0; i < rounds; i++) {
      // Whoever can compute the checksum, too: what is read stays within what was sent.
      const forged = encodeAddress(mutated(body, random), random());
      const result = code(() => decodeAddress(1, forged, '1.13'));
      expect(['understood', 'PROTOCOL', 'CONFIG']).toContain(result);
      if (result === 'understood') expect(decodeAddress(1, forged, '1.13').body.length).toBe(forged.length - 20);
    }
  },
  4 * minute,
);

test('an offer is read within the arena, whatever numbers it has', () => {
  const random = randomOf(9);
  const bits = new BigUint64Array(2);
  const words = new Float64Array(bits.buffer);
  for (let i = 0; i < 10 * rounds; i++) {
    const isPlausible = i % 2 === 0;
    if (isPlausible) words.set([random() * (i % 3), random()]);
    else bits.set([(BigInt(random()) << 32n) | BigInt(random()), (BigInt(random()) << 32n) | BigInt(random())]);
    const [from, length] = words as unknown as [number, number];
    const isInside = from >= 0 && length >= 0 && from + length <= 2 ** 32 && from % 1 === 0 && length % 1 === 0;
    if (isWithinArena(from, length) !== isInside) expect([from, length]).toBe(isInside ? 'within' : 'outside');
  }
});

test(
  'whose a message is survives what it is about',
  () => {
    const random = randomOf(10);
    for (let i = 0; i < rounds; i++) {
      const [view, rank] = [random() % 2 ** 14, random() % 2 ** 16];
      const group = groupOf(view, rank);
      for (const tagged of [group, offerOf(group), controlOf(group), controlOf(offerOf(group))]) {
        const found = [viewOf(tagged % 2 ** 31), rankOf(tagged), plainOf(tagged % 2 ** 31)];
        if (found.join() !== [view, rank, group].join()) expect(found).toEqual([view, rank, group]);
      }
      expect([isControl(group), isOffer(group), isControl(controlOf(group)), isOffer(offerOf(group))]).toEqual([
        false,
        false,
        true,
        true,
      ]);
    }
  },
  minute,
);

test(
  'a notice is understood or refused, and what it says can be printed',
  () => {
    const random = randomOf(11);
    const notice = encodeNotice({
      kind: 'failed',
      error: new MismatchError('group: expected … got \u001b[31m', [1, 2]),
    });
    for (let i = 0; i < rounds; i++) {
      const bytes = mutated(notice, random);
      if (bytes.length < noticeBytes) continue;
      const result = code(() => {
        const heard = decodeNotice(bytes.subarray(0, noticeBytes));
        if (heard.kind === 'failed') expect(heard.error.message).not.toMatch(/[^\P{Cc}\n]/u);
      });
      expect(['understood', 'PROTOCOL']).toContain(result);
    }
  },
  2 * minute,
);

test(
  'a call of another rank can be told whatever its bytes are',
  () => {
    const random = randomOf(12);
    const mine = encodeSignature({ name: 'gather', dtype: 'f32', length: 12, root: 1 });
    for (let i = 0; i < rounds; i++) {
      const theirs = mutated(mine, random);
      if (theirs.length < signatureBytes) continue;
      const { message } = mismatchError({ call: i, ranks: [0, 1], signatures: [mine, theirs] });
      if (!/^group: expected the same call on all ranks, got .+\nhint: .+$/.test(message))
        expect(message).toBe('one line and a hint');
    }
  },
  minute,
);
