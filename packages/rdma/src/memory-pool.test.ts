import { arena } from '@lockstep/collectives';
import { expect, test } from 'vitest';
import { MemoryPool } from './memory-pool.ts';

test('registers memory once and gives it out again', () => {
  const registered: number[] = [];
  const pool = new MemoryPool((_address, byteLength) => registered.push(byteLength));
  const first = pool.take(5000);
  pool.give(first);
  expect(pool.take(8000)).toBe(first);
  expect(pool.take(5000)).not.toBe(first);
  expect(registered).toEqual([8192, 8192]);
});

test('gives out memory in which collectives add in place, and pins each piece once', () => {
  const registered: number[] = [];
  const pool = new MemoryPool((_address, byteLength) => registered.push(byteLength));
  const bytes = pool.allocate(4096);
  expect(arena().holds(bytes)).toBe(true);
  arena().free(bytes);
  expect(pool.allocate(4096).byteOffset).toBe(bytes.byteOffset);
  expect(registered).toEqual([4096]);
});
