import { expect, test } from 'vitest';
import { pieces } from './pieces.ts';

const device = { limits: { maxStorageBufferBindingSize: 4 * 1000 } as GPUSupportedLimits };

test('what can be bound at once is one piece', () => {
  expect(pieces(device, 960, 64)).toEqual([{ start: 0, size: 960 }]);
});

test('pieces begin at multiples of the grain and cover everything', () => {
  expect(pieces(device, 2000, 64)).toEqual([
    { start: 0, size: 960 },
    { start: 960, size: 960 },
    { start: 1920, size: 80 },
  ]);
});
