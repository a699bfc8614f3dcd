import { expect, it } from 'vitest';
import { exitCodeOf } from '../console/report-error.ts';
import { isConsequence, WorkerError } from './worker-failure.ts';

const exit = { worker: 'worker-1', code: 1, signal: null, lastLines: ['one', 'two'] };

it('says what the worker said, and exits as the worker would', () => {
  const error = new WorkerError(
    { ...exit, code: 2 },
    { code: 'CONFIG', message: 'text: expected a text, got nothing' },
  );
  expect(error.message).toBe('text: expected a text, got nothing');
  expect(exitCodeOf(error)).toBe(2);
});

it('shows the last lines of a worker that could not say anything', () => {
  expect(new WorkerError(exit, undefined).message).toBe(
    'train: worker-1 ended with exit code 1\n  worker-1: one\n  worker-1: two',
  );
  const crash = new WorkerError({ ...exit, code: null, signal: 'SIGSEGV', lastLines: [] }, undefined);
  expect(crash.message).toBe('train: worker-1 ended by signal SIGSEGV');
  expect(exitCodeOf(crash)).toBe(1);
});

it('knows who only lost somebody else', () => {
  expect(
    [
      { code: 'PEER_LOST', message: '' },
      { code: 'TIMEOUT', message: '' },
      { code: 'DEVICE', message: '' },
      undefined,
    ].map(isConsequence),
  ).toEqual([true, true, false, false]);
});
