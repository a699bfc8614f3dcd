import { expect, test } from 'vitest';
import { trainArguments } from './train-arguments.mjs';

const tour = ['train', 'examples/modern.ts', '--workers', '2'];

test('without arguments the tour is trained on two workers', () => {
  expect(trainArguments([])).toEqual(tour);
});

test("options go to the tour, and the user's own come last", () => {
  expect(trainArguments(['--workers', '3', '--steps', '5'])).toEqual([...tour, '--workers', '3', '--steps', '5']);
});

test.each(['mine.ts', 'runs/mine.mts', './mine.js', '/a/mine.mjs'])('%s is a run, and the tour is not', (run) => {
  expect(trainArguments(['--steps', '5', run])).toEqual(['train', '--steps', '5', run]);
});

test('a setting that only looks like a file name is none', () => {
  expect(trainArguments(['--set', 'name=v1.tsx'])).toEqual([...tour, '--set', 'name=v1.tsx']);
});
