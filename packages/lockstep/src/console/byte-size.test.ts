import { expect, it } from 'vitest';
import { formatByteSize, parseByteSize } from './byte-size.ts';

it('reads what it writes, and other ways to say it', () => {
  for (const bytes of [0, 4, 1024, 1536, 65_536, 2 ** 20, 3 * 2 ** 30])
    expect(parseByteSize(formatByteSize(bytes))).toBe(bytes);
  expect(['1024', '64KiB', '1.5 MiB', ' 2GiB '].map(parseByteSize)).toEqual([1024, 65_536, 1_572_864, 2 ** 31]);
});

it('refuses what is no number of bytes', () => {
  const texts = ['', 'KiB', '-1', '64kb', '1e3', '0.3 B', '64 KiB x'];
  expect(texts.map(parseByteSize)).toEqual(texts.map(() => undefined));
});
