// Ring all-reduce, built from nothing but send and recv. Every worker has an array, and all want the sum of the arrays.
//   npx lockstep run examples/ring-all-reduce.ts --workers 4
//
// The array is cut into as many chunks as there are workers, and everybody only ever sends to the next worker:
//   reduce-scatter  a chunk goes round once, and each worker adds its own: n - 1 steps
//   all-gather      the n finished chunks go round once more: n - 1 steps
// So each worker sends 2 (n - 1) / n of its array, however many workers there are: no link carries more.
import { join } from 'lockstep';

const group = await join();
const { rank, size: n } = group;
const next = (rank + 1) % n;
const previous = (rank + n - 1) % n;

// Whole numbers, whose sums f32 holds exactly. With others the ring would add in an order that depends on n, and since
// (a + b) + c ≠ a + (b + c) in floating point, its last bits would too; group.allReduce adds in one order always.
const mine = Float32Array.from({ length: 1_000_003 }, (_, i) => (i % 100) * (rank + 1));
const ring = mine.slice();

// Negative numbers count from the end; views, not copies: what arrives is written to its place.
const chunk = (c: number): Float32Array => {
  const at = (i: number): number => Math.floor((ring.length * i) / n);
  const index = (c + 2 * n) % n;
  return ring.subarray(at(index), at(index + 1));
};

/** One step of everybody: `out` goes to the next worker while `into` comes from the previous one. */
async function shift(phase: string, step: number, out: Float32Array, into: Float32Array): Promise<void> {
  await Promise.all([group.send(next, out), group.recv(previous, into)]);
  console.log(`${phase} ${step + 1}/${n - 1}: ${rank} → ${next}  ${out.byteLength.toLocaleString('en')} bytes`);
}

const arrived = new Float32Array(Math.ceil(ring.length / n));
for (let step = 0; step < n - 1; step++) {
  const sum = chunk(rank - step - 1);
  const into = arrived.subarray(0, sum.length);
  await shift('reduce-scatter', step, chunk(rank - step), into);
  for (let i = 0; i < sum.length; i++) sum[i]! += into[i]!;
}
// Now chunk rank + 1 is whole here.
for (let step = 0; step < n - 1; step++) await shift('all-gather', step, chunk(rank + 1 - step), chunk(rank - step));

const expected = new Float32Array(mine.length);
await group.allReduce(mine, expected);
const wrong = ring.findIndex((value, i) => value !== expected[i]);
if (wrong >= 0) throw new Error(`expected ${expected[wrong]} at ${wrong}, got ${ring[wrong]}`);
console.log(`✓ n = ${n}: the ring gives what group.allReduce gives, in all ${ring.length.toLocaleString('en')} places`);
