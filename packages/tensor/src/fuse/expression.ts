// What a generated kernel computes for each element: calls of scalar functions over what lies in memory.
import type { Memory } from '../device/memory.ts';
import type { DType } from '../dtype.ts';
import type { Layout } from '../graph/layout.ts';
import type { ScalarFunction } from './scalar-function.ts';

/** An element in memory, by the index of the element that is computed. */
export interface Load {
  readonly kind: 'load';
  readonly memory: Memory;
  readonly layout: Layout;
  readonly dtype: DType;
}

/** What a layout says of an index, itself taken for a number. */
export interface Place {
  readonly kind: 'place';
  readonly layout: Layout;
  readonly dtype: 'u32';
}

export interface Literal {
  readonly kind: 'literal';
  readonly value: number;
  readonly dtype: DType;
}

export interface Call {
  readonly kind: 'call';
  readonly function: ScalarFunction;
  readonly inputs: readonly Expression[];
  readonly dtype: DType;
}

export type Leaf = Load | Place | Literal;
export type Expression = Leaf | Call;

/** The leaves of an expression, each once, in the order in which they are met. */
export function leavesOf(expression: Expression): Leaf[] {
  const found = new Map<string, Leaf>();
  const seen = new Set<Expression>();
  const visit = (one: Expression): void => {
    if (seen.has(one)) return;
    seen.add(one);
    if (one.kind === 'call') one.inputs.forEach(visit);
    else found.set(keyOf(one), found.get(keyOf(one)) ?? one);
  };
  visit(expression);
  return [...found.values()];
}

const memories = new WeakMap<Memory, number>();
let known = 0;

function idOf(memory: Memory): number {
  const id = memories.get(memory) ?? known++;
  memories.set(memory, id);
  return id;
}

/** What two leaves have in common if they are the same. */
export function keyOf(leaf: Leaf): string {
  if (leaf.kind === 'literal') return `${leaf.dtype} ${Object.is(leaf.value, -0) ? '-0' : leaf.value}`;
  const { offset, shard, strides, reach } = leaf.layout;
  const where = leaf.kind === 'load' ? `${idOf(leaf.memory)} ${leaf.dtype}` : 'place';
  return `${where} ${offset} ${shard} ${strides.join()} ${reach ? `${reach.first} ${reach.last}` : ''}`;
}

/** Number of calls, each shared one once. */
export function callsIn(expression: Expression, seen: Set<Expression> = new Set()): number {
  if (expression.kind !== 'call' || seen.has(expression)) return 0;
  seen.add(expression);
  return 1 + expression.inputs.reduce((sum, input) => sum + callsIn(input, seen), 0);
}
