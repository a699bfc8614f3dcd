import { expect, test } from 'vitest';
import { Ring } from './ring.ts';

function bothEnds(): { pusher: Ring; drainer: Ring } {
  const memory = new SharedArrayBuffer(Ring.byteLength);
  return { pusher: new Ring(memory, 0), drainer: new Ring(memory, 0) };
}

function drained(ring: Ring): number[] {
  const firsts: number[] = [];
  ring.drain(([first]) => firsts.push(first!));
  return firsts;
}

test('gives entries out in the order they were pushed, around the end of its memory', () => {
  const { pusher, drainer } = bothEnds();
  for (let round = 0; round < 5; round++) {
    const numbers = Array.from({ length: 700 }, (_, i) => round * 700 + i);
    for (const number of numbers) pusher.push([number]);
    expect(drained(drainer)).toEqual(numbers);
  }
  expect(drainer.isEmpty).toBe(true);
});

test('keeps what there is no room for until it is flushed', () => {
  const { pusher, drainer } = bothEnds();
  const numbers = Array.from({ length: 3000 }, (_, i) => i);
  for (const number of numbers) pusher.push([number]);
  const got: number[] = [];
  while (!drainer.isEmpty) {
    got.push(...drained(drainer));
    expect(drainer.isAwaited).toBe(got.length < 3000);
    pusher.flush();
  }
  expect(got).toEqual(numbers);
});

test('keeps all eight numbers of an entry as they are', () => {
  const { pusher, drainer } = bothEnds();
  const entry = [1, -25, 2 ** 32 - 1, 140_207_329_124_373, 0.5, 0, 7, 2 ** 53 - 1];
  pusher.push(entry);
  drainer.drain((got) => expect([...got]).toEqual(entry));
});
