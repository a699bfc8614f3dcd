// Einsum under the checker, and what its letters mean.
import { expect, test } from 'vitest';
import { checkOp, noise } from '../../../../test/check-op.ts';
import { difference } from '../../../../test/difference.ts';
import { device } from '../../../../test/gpu.ts';
import { type Shape, sizeOf } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { mul } from './arithmetic.ts';
import { einsum } from './einsum.ts';
import { matmul } from './matmul.ts';
import { transpose } from './permute.ts';
import { reshape } from './reshape.ts';
import { sum } from './sum.ts';

interface Letters {
  readonly equation: string;
  /** The equation with letters for what `...` stands for, where it has any. */
  readonly spelt?: string;
}

/** The sum over all places of all letters, one after the other. */
function reference(inputs: readonly Float64Array[], shapes: readonly Shape[], { equation, spelt = equation }: Letters) {
  const [left = '', right = ''] = spelt.split('->');
  const terms = left.split(',');
  const lengths = new Map<string, number>();
  for (const [i, term] of terms.entries())
    for (const [axis, letter] of term.split('').entries())
      if ((lengths.get(letter) ?? 1) === 1) lengths.set(letter, shapes[i]![axis]!);
  const letters = [...lengths.keys()];
  const y = new Float64Array(right.split('').reduce((size, letter) => size * (lengths.get(letter) ?? 1), 1));
  const at = new Map<string, number>();
  const placeIn = (term: string, shape: Shape): number =>
    term.split('').reduce((place, letter, axis) => place * shape[axis]! + (at.get(letter)! % shape[axis]!), 0);
  const outShape = right.split('').map((letter) => lengths.get(letter)!);
  const visit = (depth: number): void => {
    if (depth === letters.length) {
      const product = terms.reduce((value, term, i) => value * inputs[i]![placeIn(term, shapes[i]!)]!, 1);
      y[placeIn(right, outShape)]! += product;
      return;
    }
    for (let i = 0; i < lengths.get(letters[depth]!)!; i++) {
      at.set(letters[depth]!, i);
      visit(depth + 1);
    }
  };
  visit(0);
  return y;
}

const named = Object.defineProperty(
  (...all: readonly unknown[]): Tensor => einsum((all.at(-1) as Letters).equation, ...(all.slice(0, -1) as Tensor[])),
  'name',
  { value: 'einsum' },
);

checkOp<Letters>(named, {
  samples: [
    {
      shapes: [
        [3, 37],
        [37, 5],
      ],
      options: { equation: 'ij,jk->ik' },
    },
    {
      shapes: [
        [2, 3, 5, 4],
        [2, 3, 6, 4],
      ],
      options: { equation: 'bhtd,bhsd->bhts' },
    },
    {
      shapes: [
        [2, 5, 3, 4],
        [2, 6, 3, 4],
      ],
      options: { equation: 'bthd,bshd->bhts' },
    },
    {
      shapes: [
        [3, 4],
        [4, 5],
        [5, 2],
      ],
      options: { equation: 'ij,jk,kl->li' },
    },
    {
      shapes: [
        [3, 2, 4],
        [1, 4],
      ],
      options: { equation: '...i,...i->', spelt: 'abi,bi->' },
    },
    {
      shapes: [
        [3, 1, 4],
        [2, 5],
      ],
      options: { equation: '...i,...j->...ij', spelt: 'abi,bj->abij' },
    },
    { shapes: [[3, 2, 4]], options: { equation: 'abc->cb' } },
    { shapes: [[7], [3, 2]], options: { equation: 'i,jk->kij' } },
    {
      shapes: [
        [2, 0],
        [0, 3],
      ],
      options: { equation: 'ij,jk->ik' },
    },
  ],
  reference,
});

test('einsum is the product that its letters say', async () => {
  const tensor = (...shape: number[]): Tensor =>
    device.tensor(Float32Array.from(noise(sizeOf(shape), shape.length)), shape);
  const [x, y, q, k] = [tensor(3, 4), tensor(4, 5), tensor(2, 3, 4, 5), tensor(2, 3, 6, 5)];
  const pairs = [
    [einsum('ij,jk->ik', x, y), matmul(x, y)],
    [einsum('ij,jk', x, y), matmul(x, y)],
    [einsum('ij, jk -> ki', x, y), transpose(matmul(x, y))],
    [einsum('bhtd,bhsd->bhts', q, k), matmul(q, k, { transposeB: true })],
    [einsum('...td,...sd->...ts', q, k), matmul(q, k, { transposeB: true })],
    [einsum('ij->j', x), sum(x, { axis: 0 })],
    [einsum('ij->', x), sum(x)],
    [einsum('i,j->ij', tensor(3), tensor(7)), mul(reshape(tensor(3), [3, 1]), tensor(7))],
    [einsum('ij,jk,kl->il', x, y, tensor(5, 2)), matmul(matmul(x, y), tensor(5, 2))],
  ] as const;
  for (const [got, expected] of pairs) {
    expect(got.shape).toEqual(expected.shape);
    expect(difference(await got.read(), await expected.read())).toBeLessThan(1e-5);
  }
});

test.each([
  ['ij,jk->il', /^einsum: expected letters of operands in the result, got "l"$/],
  ['ij,kj->ik', /^einsum: expected one length for "j", got 4 and 5$/],
  ['...i,...k->...ik', /^einsum: expected one length for "...", got 3 and 4$/],
  ['ij->i', /^einsum: expected an operand for each of "ij", got 2 operands$/],
  ['ijk,jk', /^einsum: expected 3 axes for "ijk", got \[3, 4\]$/],
  ['ii,jk', /^einsum: expected each letter once in a term, got "ii"$/],
  ['ij;jk', /^einsum: expected letters, commas, "..." and one "->" at most, got "ij;jk"$/],
])('einsum refuses %s in one line', (equation, message) => {
  expect(() => einsum(equation, device.empty([3, 4]), device.empty([4, 5]))).toThrow(message);
});
