// The canonical sum as it is defined, for each wire format, written to be read and not to be fast.
import type { WireFormat } from '@lockstep/tensor';

const smallestNormal = 2 ** -126;
const blockSize = 32;

const flush = (x: number): number => (Math.abs(x) < smallestNormal ? 0 : x);

/** The sum of the leaves along the tree, whose every node is rounded as it would be to travel. */
export function referenceSum(leaves: readonly Float32Array[], wire: WireFormat): Float32Array {
  if (leaves.length === 1) return rounded(leaves[0]!, wire);
  const left = referenceSum(leaves.slice(0, leaves.length / 2), wire);
  const right = referenceSum(leaves.slice(leaves.length / 2), wire);
  const sum = left.map((x, i) => flush(Math.fround(flush(x) + flush(right[i]!))));
  return rounded(sum, wire);
}

/** What is left of numbers that have travelled. */
function rounded(values: Float32Array, wire: WireFormat): Float32Array {
  if (wire === 'bf16') return values.map(toBf16);
  if (wire === 'f32') return values.slice();
  const blocks = Array.from({ length: Math.ceil(values.length / blockSize) }, (_, i) =>
    toInt8(values.subarray(i * blockSize, (i + 1) * blockSize)),
  );
  return Float32Array.from(blocks.flatMap((block) => [...block]));
}

function toBf16(x: number): number {
  if (Number.isNaN(x)) return x;
  const [bits] = new Uint32Array(Float32Array.of(flush(x)).buffer);
  const upper = (bits! + 0x7fff + ((bits! >>> 16) & 1)) & 0xffff0000;
  return new Float32Array(Uint32Array.of(upper).buffer)[0]!;
}

/** q · 2^e with |q| ≤ 127 and the least whole e ≥ −126 that reaches the largest of the block. */
function toInt8(block: Float32Array): Float32Array {
  const largest = Math.max(...block.map((x) => Math.abs(flush(x))));
  if (!Number.isFinite(largest)) return block.map(() => Number.NaN);
  let e = -126;
  while (largest > 127 * 2 ** e) e++;
  return block.map((x) => roundToEven(flush(x) * 2 ** -e) * 2 ** e + 0);
}

function roundToEven(x: number): number {
  const down = Math.floor(x);
  const up = x - down > 0.5 || (x - down === 0.5 && down % 2 !== 0);
  return up ? down + 1 : down;
}
