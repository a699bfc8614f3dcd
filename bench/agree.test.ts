import { expect, test } from 'vitest';
import { checkAgreement } from './agree.ts';

test('runs that agree yield their largest relative difference', () => {
  const runs = [
    { who: 'a', losses: [4, 2, 1] },
    { who: 'b', losses: [4, 2.0001] },
  ];
  expect(checkAgreement(runs)).toBeCloseTo(5e-5);
});

test('a run that drifts is named with its step and value', () => {
  const runs = [
    { who: 'a', losses: [4, 3] },
    { who: 'b', losses: [4, 3] },
    { who: 'c', losses: [4, 3.001] },
  ];
  expect(() => checkAgreement(runs)).toThrow('at step 2 they are a 3, c 3.001');
});

test('a loss that is no number never agrees', () => {
  const runs = [
    { who: 'a', losses: [4, 3] },
    { who: 'b', losses: [4, NaN] },
  ];
  expect(() => checkAgreement(runs)).toThrow('at step 2');
});
