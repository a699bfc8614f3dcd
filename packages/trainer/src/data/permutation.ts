// A shuffle without a shuffled list: the place of one item is computed from its index and a key, in constant memory.
// A balanced Feistel network permutes [0, 4ʰ) for the least such power that holds `length` items; walking its cycles until a
// place below `length` turns up makes of it a permutation of [0, length).
//
// J. Black, P. Rogaway: "Ciphers with arbitrary finite domains", CT-RSA 2002 (cycle walking); the round function is Philox.
import { philox, type Key } from '@lockstep/tensor';

const rounds = 8;

/** Where item `index` of [0, `length`) goes. For each `key` a permutation; `length` ≤ 2⁵². */
export function permute(index: number, length: number, key: Key): number {
  const halfBits = halfBitsFor(length);
  let place = index;
  do place = feistel(place, halfBits, key);
  while (place >= length);
  return place;
}

/** The least h with 4ʰ ≥ length, at least 1. */
function halfBitsFor(length: number): number {
  let bits = 1;
  for (let size = 4; size < length; size *= 4) bits++;
  return bits;
}

function feistel(value: number, halfBits: number, key: Key): number {
  const size = 2 ** halfBits;
  let left = Math.floor(value / size);
  let right = value % size;
  for (let round = 0; round < rounds; round++) {
    const [word] = philox([right, round, 0, 0], key);
    [left, right] = [right, (left ^ word) & (size - 1)];
  }
  return left * size + right;
}
