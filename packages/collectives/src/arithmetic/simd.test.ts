import { expect, test } from 'vitest';
import { arena } from './arena.ts';
import { copy } from './simd.ts';

const places = {
  arena: (length: number): Uint8Array => arena().allocate(length),
  elsewhere: (length: number): Uint8Array => new Uint8Array(length),
};
const pairs = (['arena', 'elsewhere'] as const).flatMap((from) =>
  (['arena', 'elsewhere'] as const).map((to) => ({ from, to })),
);

test.each(pairs)('copies from $from to $to, at any address and no byte beside it', ({ from, to }) => {
  const [source, target] = [places[from](100).map((_, i) => i + 1), places[to](100)];
  const a = places[from](100);
  a.set(source);
  for (const [at, start, end] of [
    [0, 0, 100],
    [3, 1, 90],
    [99, 7, 8],
    [50, 5, 5],
  ] as const) {
    target.fill(0);
    copy(target, a.subarray(start, end), at);
    const expected = new Uint8Array(100);
    expected.set(source.subarray(start, end), at);
    expect([...target]).toEqual([...expected]);
  }
});

test.each(pairs)('copies nothing from $from past the end of an array that lies in $to', ({ from, to }) => {
  expect(() => copy(places[to](10), places[from](5), 6)).toThrow(RangeError);
});
