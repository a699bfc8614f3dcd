import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
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

test('lends memory until the last array on it is collected', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const registered: number[] = [];
  const pool = new MemoryPool((address) => registered.push(address));
  let floats: Float32Array | undefined = new Float32Array(pool.allocate(4096).buffer);
  floats.fill(3);
  collect();
  await setImmediate();
  pool.allocate(4096);
  expect(registered.length).toBe(2);
  expect(floats.every((x) => x === 3)).toBe(true);
  floats = undefined;
  for (let i = 0; i < 10; i++) {
    collect();
    await setImmediate();
  }
  pool.allocate(4096);
  expect(registered.length).toBe(2);
});
