import { expect, it } from 'vitest';
import { count, duration, loss, plural } from './wording.ts';

it('writes numbers, nouns and times as people do', () => {
  expect(count(1_234_567.4)).toBe('1,234,567');
  expect([plural(1, 'step'), plural(2000, 'step')]).toEqual(['1 step', '2,000 steps']);
  expect([0, 59_400, 59_600, 125_000, 3_600_000, 7_384_000].map(duration)).toEqual([
    '0 s',
    '59 s',
    '1 min 00 s',
    '2 min 05 s',
    '1 h 00 min',
    '2 h 03 min',
  ]);
  expect([loss(1.23456), loss(undefined)]).toEqual(['1.2346', '–']);
});
