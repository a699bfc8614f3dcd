// A walk over operands in step: what a generated kernel does. Where an operand is larger than the adapter binds, or lies in several
// buffers, the walk is cut along its outermost axis until every part of it can be bound.
import { alignment, type Memory } from '../device/memory.ts';
import { bytesPerElement, type DType } from '../dtype.ts';
import { type Reach, span } from '../graph/layout.ts';
import { collapse } from './collapse.ts';

/** What is read or written along a walk; without memory, an index that is taken for a number. */
export interface Operand {
  readonly memory?: Memory;
  readonly dtype: DType;
  readonly offset: number;
  readonly strides: readonly number[];
  /** What there is of the memory, where some indices lead elsewhere. */
  readonly reach?: Reach | undefined;
}

export interface Walk {
  readonly lengths: readonly number[];
  readonly operands: readonly Operand[];
}

/** The part of a memory that an operand touches, from a place where it can be bound. */
export interface Range {
  readonly memory: Memory;
  /** In bytes; a multiple of 256. */
  readonly start: number;
  readonly end: number;
  /** Elements from the start to the operand's first. */
  readonly offset: number;
}

/** The walk with as few axes as serve. */
export function shortened({ lengths, operands }: Walk): Walk {
  const collapsed = collapse(
    lengths,
    operands.map(({ strides }) => strides),
  );
  return {
    lengths: collapsed.lengths,
    operands: operands.map((operand, i) => ({ ...operand, strides: collapsed.strides[i]! })),
  };
}

/** What to bind for an operand with memory. Its offset may lie before what is bound, or behind, where there are indices that lead elsewhere. */
export function rangeOf(operand: Operand, lengths: readonly number[]): Range {
  const { memory, dtype, offset } = operand;
  const bytes = bytesPerElement(dtype);
  const { first, last } = touched(operand, lengths);
  const start = Math.floor((first * bytes) / alignment) * alignment;
  return { memory: memory!, start, end: (last + 1) * bytes, offset: offset - start / bytes };
}

/** The first and the last element that are read or written; one that is there where none is. */
function touched({ offset, strides, reach }: Operand, lengths: readonly number[]): Reach {
  const { first, last } = span(lengths, strides);
  if (!reach) return { first: offset + first, last: offset + last };
  const from = Math.min(Math.max(offset + first, reach.first), reach.last);
  return { first: from, last: Math.max(Math.min(offset + last, reach.last), from) };
}

/** Whether each operand can be bound with at most `most` bytes. */
export function isBindable(walk: Walk, most: number): boolean {
  return walk.operands.every((operand) => {
    if (!operand.memory) return true;
    const { memory, start, end } = rangeOf(operand, walk.lengths);
    return end - start <= most && memory.isWhole(start, end);
  });
}

/** A walk in parts each of whose operands can be bound, as far as cutting its first `axes` axes helps. */
export function cut(walk: Walk, most: number, axes: number = walk.lengths.length): Walk[] {
  if (axes === 0 || isBindable(walk, most)) return [walk];
  const left = walk.lengths[0] === 1 ? axes - 1 : axes;
  return halves(walk).flatMap((half) => cut(half, most, left));
}

/** Elements at whose multiples a walk is cut where it can be, so that vectors of four stay whole. */
const grain = 64;

function halves(walk: Walk): Walk[] {
  const [length = 1] = walk.lengths;
  if (length === 1) return [part(walk, 0, 1, true)];
  const middle = length > grain ? Math.ceil(length / 2 / grain) * grain : Math.ceil(length / 2);
  return [part(walk, 0, middle), part(walk, middle, length)];
}

/** Indices `from` to `to` of the outermost axis. */
function part({ lengths, operands }: Walk, from: number, to: number, withoutAxis = false): Walk {
  return {
    lengths: withoutAxis ? lengths.slice(1) : [to - from, ...lengths.slice(1)],
    operands: operands.map((operand) => ({
      ...operand,
      offset: operand.offset + from * operand.strides[0]!,
      strides: withoutAxis ? operand.strides.slice(1) : operand.strides,
    })),
  };
}

/** WGSL of `offset + Σ index · step`, in unsigned words: a negative step is its two's complement. */
export function address(offset: string, indices: readonly string[], strides: readonly number[]): string {
  const terms = indices.flatMap((index, axis) => {
    const step = strides[axis]!;
    if (step === 0) return [];
    return step === 1 ? [index] : [`${index} * ${step >>> 0}u`];
  });
  return [offset, ...terms].filter(Boolean).join(' + ') || '0u';
}

/** Statements that take a linear index apart along axes, and the names of the indices. */
export function indices(
  linear: string,
  lengths: readonly number[],
  prefix: string,
): { lines: string[]; names: string[] } {
  const names = lengths.map((_, axis) => `${prefix}${axis}`);
  let inner = 1;
  const lines = lengths
    .map((length, axis) => [length, axis] as const)
    .toReversed()
    .map(([length, axis]) => {
      const quotient = inner === 1 ? linear : `${linear} / ${inner}u`;
      inner *= length;
      return `let ${names[axis]} = ${axis === 0 ? quotient : `${quotient} % ${length}u`};`;
    });
  return { lines: lines.toReversed(), names };
}
