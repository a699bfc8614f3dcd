// The text that all generated kernels have in common: functions of the ops that are fused, and the values they pass on.
//
// Between ops a value passes through integers, `apart(v)`: a driver may contract a·b + c within a kernel, which rounds once
// instead of twice, and fused ops would have other bits than the same ops one by one.
import { lib } from '@lockstep/kernels';
import type { DType } from '../dtype.ts';
import { type Call, type Expression, keyOf, type Leaf } from './expression.ts';
import type { Piece } from './scalar-function.ts';

/** A number's type while it is computed with: half floats are only stored as such. */
export const computedType = (dtype: DType): string => (dtype === 'f16' ? 'f32' : dtype);

const letters = ['a', 'b', 'c', 'd', 'e'];

/** What a body needs beside it. */
export interface Body {
  /** Statements, one line each. */
  readonly lines: readonly string[];
  /** The expression that holds the result. */
  readonly result: string;
  /** Functions of the ops. */
  readonly functions: readonly string[];
  readonly pieces: readonly Piece[];
}

/** Statements that compute an expression, from names for its leaves. */
export function writeBody(expression: Expression, nameOf: (leaf: Leaf) => string): Body {
  const lines: string[] = [];
  const functions = new Map<string, string>();
  const pieces = new Set<Piece>();
  const names = new Map<Expression, string>();
  const write = (one: Expression): string => {
    if (one.kind !== 'call') return nameOf(one);
    const known = names.get(one);
    if (known) return known;
    const inputs = one.inputs.map(write);
    const called = functionName(one);
    functions.set(called, writeFunction(called, one));
    for (const piece of one.function.uses ?? []) pieces.add(piece);
    const name = `v${names.size}`;
    lines.push(`let ${name} = ${passed(`${called}(${inputs.join(', ')})`, one.dtype)};`);
    names.set(one, name);
    return name;
  };
  const result = write(expression);
  return { lines, result, functions: [...functions.values()], pieces: [...pieces] };
}

/** What leaves an op: rounded to its type, and kept apart from what comes next. */
function passed(value: string, dtype: DType): string {
  if (dtype === 'f16') return `halved(${value})`;
  return dtype === 'f32' ? `apart(${value})` : value;
}

/** WGSL has no overloads: an op of other types than f32 is another function. */
function functionName({ function: { name }, inputs }: Call): string {
  const types = inputs.map(({ dtype }) => computedType(dtype));
  return ['op', name, ...(types.every((type) => type === 'f32') ? [] : types)].join('_');
}

function writeFunction(name: string, { function: definition, inputs, dtype }: Call): string {
  const types = inputs.map((input) => input.dtype);
  const parameters = types.map((type, i) => `${letters[i]}: ${computedType(type)}`).join(', ');
  return `fn ${name}(${parameters}) -> ${computedType(dtype)} { return ${definition.wgsl(types)}; }`;
}

const apart = `/// The same value, which no driver contracts with what comes before or after: \`zero\` is 0.
fn apart(v: f32) -> f32 { return bitcast<f32>(bitcast<u32>(v) ^ params.zero); }`;

/** What keeps a half float's rounding: drivers take a conversion there and back for none. */
const halved = `/// The nearest half float.
fn halved(v: f32) -> f32 {
  return f32(bitcast<vec2<f16>>(bitcast<u32>(vec2<f16>(f16(v), f16(0.0))) ^ params.zero).x);
}`;

/** The functions that values between ops pass through. */
export const passages = (hasHalves: boolean): string => (hasHalves ? `${apart}\n${halved}` : apart);

/** Pieces with those that they need, in an order in which a reader meets what is used later. */
export function writePieces(pieces: readonly Piece[]): string {
  return [...new Set(pieces)].map((piece) => lib[piece]).join('\n');
}

/** A short name for what a kernel computes: its ops, outermost first. */
export function describe(expression: Expression): string {
  const names: string[] = [];
  const visit = (one: Expression): void => {
    if (one.kind !== 'call' || names.length > 4) return;
    names.push(one.function.name);
    one.inputs.forEach(visit);
  };
  visit(expression);
  if (expression.kind === 'literal') return 'fill';
  return names.length === 0 ? 'copy' : names.slice(0, 4).join('_');
}

/** Leaves by what sets them apart. */
export function numbered(leaves: readonly Leaf[]): (leaf: Leaf) => number {
  const numbers = new Map(leaves.map((leaf, i) => [keyOf(leaf), i]));
  return (leaf) => numbers.get(keyOf(leaf))!;
}
