// Sums of products that are named by letters.
import { ShapeError } from '@lockstep/errors';
import { type Shape, sizeOf } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { mul } from './arithmetic.ts';
import { matmul } from './matmul.ts';
import { permute } from './permute.ts';
import { reshape } from './reshape.ts';
import { sum } from './sum.ts';

/**
 * Einstein's summation: a letter for each axis of each operand, then, after `->`, those of the result; axes whose letters are not there are
 * summed over. Without `->` the result has the letters that occur once, in alphabetical order. `...` stands for any axes, which broadcast
 * against those of the others. Operands are multiplied from left to right, each pair as a matrix product.
 *
 * ```ts
 * const scores = einsum('bhtd,bhsd->bhts', q, k);
 * ```
 * @throws {ShapeError} for letters that do not fit the operands
 */
export function einsum(equation: string, ...operands: readonly Tensor[]): Tensor {
  const { inputs, output } = parse(
    equation,
    operands.map(({ shape }) => shape),
  );
  const [first, ...others] = inputs.map((labels, i): Labelled => ({ tensor: operands[i]!, labels }));
  const all = others.reduce((product, next, i) => {
    const needed = new Set([...output, ...others.slice(i + 1).flatMap(({ labels }) => labels)]);
    return multiplied(product, next, needed);
  }, first!);
  const { tensor, labels } = summed(all, new Set(output));
  return permute(
    tensor,
    output.map((label) => labels.indexOf(label)),
  );
}

/** A tensor with a label for each axis: a letter, or the place of an axis that `...` stands for. */
interface Labelled {
  readonly tensor: Tensor;
  readonly labels: readonly string[];
}

interface Equation {
  readonly inputs: readonly (readonly string[])[];
  readonly output: readonly string[];
}

function parse(equation: string, shapes: readonly Shape[]): Equation {
  const refuse = (rule: string, got: string): never => {
    throw new ShapeError(`einsum: expected ${rule}, got ${got}`);
  };
  const text = equation.replaceAll(/\s/g, '');
  if (!/^[a-zA-Z.]*(,[a-zA-Z.]*)*(->[a-zA-Z.]*)?$/.test(text))
    refuse('letters, commas, "..." and one "->" at most', `"${equation}"`);
  const [left = '', right] = text.split('->');
  const terms = left.split(',');
  if (terms.length !== shapes.length)
    refuse(`an operand for each of "${left}"`, `${shapes.length} operand${shapes.length === 1 ? '' : 's'}`);
  const inputs = terms.map((term, i) => {
    const letters = term.replace('...', '').length;
    const rest = shapes[i]!.length - letters;
    const fits = term.includes('...') ? rest >= 0 : rest === 0;
    if (!fits) refuse(`${letters} axes for "${term}"`, `[${shapes[i]!.join(', ')}]`);
    return labelsOf(term, rest, refuse);
  });
  checkLengths(inputs, shapes, refuse);
  const output = right === undefined ? implied(inputs) : labelsOf(right, mostDots(inputs), refuse);
  const unknown = output.find((label) => !inputs.some((labels) => labels.includes(label)));
  if (unknown !== undefined) refuse('letters of operands in the result', `"${unknown}"`);
  return { inputs, output };
}

/** Labels for the axes that `...` stands for, counted from the last. */
const dotsOf = (count: number): string[] => Array.from({ length: count }, (_, i) => `.${count - i}`);

type Refuse = (rule: string, got: string) => never;

/** A label for each axis. */
function labelsOf(term: string, dots: number, refuse: Refuse): string[] {
  const [before = '', after, ...more] = term.split('...');
  if (more.length > 0 || `${before}${after ?? ''}`.includes('.')) refuse('"..." once in a term', `"${term}"`);
  const between = after === undefined ? [] : dotsOf(dots);
  const labels = [...before.split(''), ...between, ...(after ?? '').split('')];
  const twice = labels.find((label, i) => labels.indexOf(label) !== i);
  if (twice !== undefined) refuse('each letter once in a term', `"${term}"`);
  return labels;
}

const mostDots = (inputs: Equation['inputs']): number =>
  Math.max(0, ...inputs.map((labels) => labels.filter((label) => label.startsWith('.')).length));

function implied(inputs: Equation['inputs']): string[] {
  const all = inputs.flat();
  const dots = dotsOf(mostDots(inputs));
  const once = all.filter((label) => !label.startsWith('.') && all.indexOf(label) === all.lastIndexOf(label));
  return [...dots, ...once.toSorted()];
}

function checkLengths(inputs: Equation['inputs'], shapes: readonly Shape[], refuse: Refuse): void {
  const lengths = new Map<string, number>();
  for (const [i, labels] of inputs.entries())
    for (const [axis, label] of labels.entries()) {
      const length = shapes[i]![axis]!;
      const known = lengths.get(label) ?? length;
      const broadcasts = label.startsWith('.') && (known === 1 || length === 1);
      if (known !== length && !broadcasts)
        refuse(`one length for "${label.startsWith('.') ? '...' : label}"`, `${known} and ${length}`);
      lengths.set(label, Math.max(known, length));
    }
}

/** The sum over axes whose labels nobody needs. */
function summed({ tensor, labels }: Labelled, needed: ReadonlySet<string>): Labelled {
  const axes = [...labels.keys()].filter((axis) => !needed.has(labels[axis]!));
  if (axes.length === 0) return { tensor, labels };
  return { tensor: sum(tensor, { axis: axes }), labels: labels.filter((label) => needed.has(label)) };
}

/** The sum over axes that the other has not, or has with a length of 1: there its element serves all, and the product with it comes after. */
function summedAlone(one: Labelled, other: Labelled, needed: ReadonlySet<string>): Labelled {
  const lengthIn = ({ tensor, labels }: Labelled, label: string): number | undefined =>
    tensor.shape[labels.indexOf(label)];
  const shared = other.labels.filter((label) => lengthIn(one, label) === lengthIn(other, label));
  return summed(one, new Set([...needed, ...shared]));
}

/** A product of two, summed over the labels that both have and nobody needs any more. */
function multiplied(first: Labelled, second: Labelled, needed: ReadonlySet<string>): Labelled {
  const [a, b] = [summedAlone(first, second, needed), summedAlone(second, first, needed)];
  const inBoth = a.labels.filter((label) => b.labels.includes(label));
  const [batch, inner] = [inBoth.filter((label) => needed.has(label)), inBoth.filter((label) => !needed.has(label))];
  const rows = a.labels.filter((label) => !inBoth.includes(label));
  const columns = b.labels.filter((label) => !inBoth.includes(label));
  const labels = [...batch, ...rows, ...columns];
  const [left, right] = [arranged(a, [...batch, ...rows, ...inner]), arranged(b, [...batch, ...inner, ...columns])];
  const at = (tensor: Tensor, start: number, count: number): number[] => tensor.shape.slice(start, start + count);
  const [rowLengths, columnLengths] = [
    at(left, batch.length, rows.length),
    at(right, batch.length + inner.length, columns.length),
  ];
  if (inner.length === 0) {
    const aside = reshape(left, [...left.shape, ...columns.map(() => 1)]);
    const below = reshape(right, [...at(right, 0, batch.length), ...rows.map(() => 1), ...columnLengths]);
    return { tensor: mul(aside, below), labels };
  }
  const terms = sizeOf(at(left, batch.length + rows.length, inner.length));
  const product = matmul(
    reshape(left, [...at(left, 0, batch.length), sizeOf(rowLengths), terms]),
    reshape(right, [...at(right, 0, batch.length), terms, sizeOf(columnLengths)]),
  );
  return { tensor: reshape(product, [...product.shape.slice(0, -2), ...rowLengths, ...columnLengths]), labels };
}

/** The axes in the order of labels. */
const arranged = ({ tensor, labels }: Labelled, order: readonly string[]): Tensor =>
  permute(
    tensor,
    order.map((label) => labels.indexOf(label)),
  );
