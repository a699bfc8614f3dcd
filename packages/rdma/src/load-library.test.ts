import { expect, test } from 'vitest';
import { loadLibrary } from './load-library.ts';

test.each(['libucp-that-is-not-there.so.0', 'libc.so.6'])('says what to install where %s is no libucp', (path) => {
  const error = expect.objectContaining({ code: 'CONFIG', message: expect.stringContaining('hint: install it with') });
  expect(() => loadLibrary(path)).toThrow(error);
});

test('leaves the environment as it was', () => {
  const before = { ...process.env };
  expect(() => loadLibrary('libucp-that-is-not-there.so.0')).toThrow();
  expect({ ...process.env }).toEqual(before);
});
