/**
 * Times the addition of two arrays as collectives do it, in WebAssembly SIMD, beside a plain loop: in place where the
 * arrays lie in its memory, and through it where they lie elsewhere. All must give the same bits first.
 *
 * usage: cd bench; npx tsx arithmetic.ts
 */
import { arena, encodingOf } from 'lockstep/protocol';
import { machine } from './report.ts';

const length = 2 ** 21;
const rounds = 25;
const smallestNormal = 2 ** -126;
/** From here up an operand that is subnormal is below half a unit in the last place of the sum, so it cannot show. */
const plainFrom = 2 ** -100;

const flush = (x: number): number => (Math.abs(x) < smallestNormal ? 0 : x);

/** The sum of two f32 is taken in f64 and rounded once by the store, which gives f32 addition exactly. */
function plainLoop(out: Float32Array, a: Float32Array, b: Float32Array): void {
  for (let i = 0; i < out.length; i++) {
    const [x, y] = [a[i]!, b[i]!];
    const sum = x + y;
    out[i] = Math.abs(sum) >= plainFrom ? sum : flush(flush(x) + flush(y));
  }
}

const bytesOf = (array: Float32Array): Uint8Array => new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
const inArena = (): Float32Array => {
  const bytes = arena().allocate(4 * length);
  return new Float32Array(bytes.buffer, bytes.byteOffset, length);
};
const elsewhere = (): Float32Array => new Float32Array(length);

function simd(out: Float32Array, a: Float32Array, b: Float32Array): void {
  encodingOf('f32', 'sum', 'f32').combine(bytesOf(out), bytesOf(a), bytesOf(b));
}

const forms: [string, () => Float32Array, typeof simd][] = [
  ['plain loop', elsewhere, plainLoop],
  ['SIMD, arrays elsewhere', elsewhere, simd],
  ['SIMD, arrays in the arena', inArena, simd],
];

const { cpu, cores, node, load } = machine();
console.log(`${cpu}, ${cores} cores, Node ${node}, load ${load.toFixed(2)} before; ${length} f32\n`);
let expected: Float32Array | undefined;
for (const [name, allocate, add] of forms) {
  const [out, a, b] = [allocate(), allocate(), allocate()];
  for (let i = 0; i < length; i++) [a[i], b[i]] = [Math.sin(i), Math.cos(i) * 2 ** ((i % 280) - 140)];
  add(out, a, b);
  expected ??= out.slice();
  if (!out.every((x, i) => Object.is(x, expected![i]))) throw new Error(`bench: ${name} gives other bits`);
  const times = Array.from({ length: rounds }, () => {
    const start = performance.now();
    add(out, a, b);
    return performance.now() - start;
  }).toSorted((x, y) => x - y);
  const median = times[rounds >> 1]!;
  console.log(`${name.padEnd(28)} ${((4 * length) / median / 1e6).toFixed(1).padStart(5)} GB/s of sums`);
}
