// Elementwise chains as one generated kernel. Lanes take four neighbouring elements at a time where the innermost axis lets them.
import { bytesPerElement, type DType } from '../dtype.ts';
import type { Emitter } from '../graph/emitter.ts';
import { sizeOf } from '../shape.ts';
import type { Stored } from '../tensor.ts';
import type { Work } from '../device/dispatch.ts';
import { callsIn, type Expression, leavesOf, type Leaf, type Literal } from './expression.ts';
import { generated } from './generated.ts';
import { address, cut, indices, type Operand, rangeOf, shortened, type Walk } from './walk.ts';
import { computedType, describe, numbered, passages, writeBody, writePieces } from './wgsl.ts';

/** Where a kernel writes. */
export interface Output extends Stored {
  readonly dtype: DType;
  /** The number of shards (1 where one value serves all), then the axes of one. */
  readonly lengths: readonly number[];
}

/** Dispatches what fills `output` with an expression of its index. */
export function dispatchElementwise(emitter: Emitter, expression: Expression, output: Output): void {
  if (output.lengths.includes(0)) return;
  const leaves = leavesOf(expression);
  const walk = shortened({
    lengths: output.lengths,
    operands: [...leaves.filter(isPlaced), { kind: 'load' as const, ...output }].map(operand),
  });
  for (const piece of cut(walk, emitter.mostBindable)) dispatchPiece(emitter, { expression, leaves, ...piece });
}

/** What has a place in a walk. */
export type Placed = Exclude<Leaf, Literal>;
export const isPlaced = (leaf: Leaf): leaf is Placed => leaf.kind !== 'literal';

/** A leaf as an operand of a walk over shards and axes. */
export function operand(leaf: Placed | (Stored & { dtype: DType; kind: 'load' })): Operand {
  const { offset, shard, strides, reach } = leaf.layout;
  const all = { dtype: leaf.dtype, offset, strides: [shard, ...strides], reach };
  return leaf.kind === 'load' ? { ...all, memory: leaf.memory } : all;
}

interface PieceOfWork extends Walk {
  readonly expression: Expression;
  readonly leaves: readonly Leaf[];
}

const lanes = 64;
const rounds = 4;

function dispatchPiece(emitter: Emitter, piece: PieceOfWork): void {
  const { lengths, operands, leaves } = piece;
  const size = sizeOf(lengths);
  const width = widthOf(piece);
  const items = Math.ceil(size / width);
  const ranges = operands.map((one) => (one.memory ? rangeOf(one, lengths) : undefined));
  const target = ranges.at(-1)!;
  const placed = leaves.filter(isPlaced);
  const inPlace = placed.map((_, i) => isSame(operands[i]!, operands.at(-1)!));
  const text = write(piece, { width, inPlace });
  const bindings = placed.flatMap((_, i) => (ranges[i] && !inPlace[i] ? [[`x${i}`, ranges[i]!] as const] : []));
  // Offsets that lie before what is bound wrap round, and come back with the index.
  const offsets = ranges.map((range, i) => (range?.offset ?? operands[i]!.offset) >>> 0);
  const params = {
    size,
    items,
    zero: 0,
    y_at: offsets.at(-1)!,
    ...Object.fromEntries(placed.map((_, i) => [`x${i}_at`, offsets[i]!])),
    ...Object.fromEntries(leaves.flatMap((leaf, i) => (leaf.kind === 'literal' ? [[`k${i}`, leaf.value]] : []))),
  };
  emitter.emit({
    kernel: generated(describe(piece.expression), text),
    ranges: { ...Object.fromEntries(bindings), y: target },
    params,
    workgroups: emitter.grid(items / (lanes * rounds)),
    work: { flops: size * callsIn(piece.expression), bytes: bytesOf(piece) },
  });
}

/** Bytes of the elements that a walk reads and writes, each once for each operand: what is written in place is read before. */
export function bytesOf({ lengths, operands }: Walk): Work['bytes'] {
  const elements = (strides: readonly number[]): number =>
    lengths.reduce((product, length, axis) => (strides[axis] === 0 ? product : product * length), 1);
  return operands.reduce(
    (sum, { memory, dtype, strides }) => sum + (memory ? bytesPerElement(dtype) * elements(strides) : 0),
    0,
  );
}

const isSame = (a: Operand, b: Operand): boolean =>
  a.memory === b.memory && a.dtype === b.dtype && a.offset === b.offset && a.strides.join() === b.strides.join();

/** Four where the output's innermost axis is dense and falls into fours, or is the only one. */
function widthOf({ lengths, operands }: Walk): 1 | 4 {
  const axis = lengths.length - 1;
  const target = operands.at(-1)!;
  if (axis < 0 || target.strides[axis] !== 1 || !isInFours(target, axis)) return 1;
  if (axis > 0 && lengths[axis]! % 4 !== 0) return 1;
  // A last four may be partly beyond the end: what is bound goes on to the next multiple of 16 bytes.
  return lengths[axis]! >= 4 ? 4 : 1;
}

/** Whether fours of an operand begin at multiples of four. */
function isInFours({ offset, strides }: Operand, axis: number): boolean {
  return offset % 4 === 0 && strides.every((step, i) => i === axis || step % 4 === 0);
}

interface Choices {
  readonly width: 1 | 4;
  /** Leaves that are what the output was. */
  readonly inPlace: readonly boolean[];
}

/** What the text of a kernel is written from. */
interface Text extends PieceOfWork, Choices {
  readonly placed: readonly Placed[];
  /** The innermost axis. */
  readonly axis: number;
}

function write(piece: PieceOfWork, choices: Choices): string {
  const { expression, leaves, lengths, operands } = piece;
  const text = { ...piece, ...choices, placed: leaves.filter(isPlaced), axis: lengths.length - 1 };
  const nameOf = namesOf(leaves);
  const target = operands.at(-1)!;
  const hasHalves = usesHalf([expression, target]);
  const body = writeBody(expression, (leaf) =>
    leaf.kind === 'literal' ? `params.${nameOf(leaf)}` : `${nameOf(leaf)}_i`,
  );
  return `// ${describe(expression)}: y[…] = ${formula(expression, nameOf)}
//
// Written for ${walkWords(lengths)}, ${choices.width} element${choices.width === 1 ? '' : 's'} at a time.
${hasHalves ? 'enable f16;\n' : ''}
${declarations(text)}

${writePieces(['grid', 'rounds', ...body.pieces])}
${passages(hasHalves)}

${body.functions.join('\n')}

fn value(${parametersOf(text.placed)}) -> ${computedType(expression.dtype)} {
  ${[...body.lines, `return ${body.result};`].join('\n  ')}
}

@compute @workgroup_size(lanes)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  for (var round = 0u; round < rounds; round++) {
    let item = item_index(workgroup_index(group, groups), round, lane);
    if (item >= params.items) { break; }
    ${itemLines(text).join('\n    ')}
  }
}
`;
}

/** Names for leaves: numbers are fields of the parameters, the others values of their own. */
export function namesOf(leaves: readonly Leaf[]): (leaf: Leaf) => string {
  const [numberOf, numberOfPlaced] = [numbered(leaves), numbered(leaves.filter(isPlaced))];
  return (leaf) => (leaf.kind === 'literal' ? `k${numberOf(leaf)}` : `x${numberOfPlaced(leaf)}`);
}

export const parametersOf = (placed: readonly Placed[]): string =>
  placed.map((leaf, i) => `x${i}_i: ${computedType(leaf.dtype)}`).join(', ');

/** Fields of the parameters for the numbers among leaves. */
export const numberFields = (leaves: readonly Leaf[]): string[] =>
  leaves.flatMap((leaf, i) => (leaf.kind === 'literal' ? [`k${i}: ${computedType(leaf.dtype)}`] : []));

function walkWords(lengths: readonly number[]): string {
  if (lengths.length === 0) return 'one element';
  return lengths.length === 1 ? 'a flat walk' : `a walk over [${['…', ...lengths.slice(1)].join(', ')}]`;
}

function declarations({ leaves, placed, operands, width, inPlace, ...text }: Text): string {
  const fields = ['size: u32', 'items: u32', 'zero: u32', 'y_at: u32', ...placed.map((_, i) => `x${i}_at: u32`)];
  const inputs = placed.flatMap((leaf, i) => {
    if (leaf.kind === 'place' || inPlace[i]) return [];
    const type = storedType(leaf.dtype, isQuad({ ...text, leaves, placed, operands, width, inPlace }, i));
    return [binding(i + 1, `x${i}`, type, 'read')];
  });
  const output = binding(placed.length + 1, 'y', storedType(operands.at(-1)!.dtype, width === 4), 'read_write');
  return `struct Params { ${[...fields, ...numberFields(leaves)].join(', ')} }

@group(0) @binding(0) var<uniform> params: Params;
${[...inputs, output].join('\n')}`;
}

/** Whether an operand is read four elements at a time. */
function isQuad({ width, operands, axis }: Text, i: number): boolean {
  return width === 4 && operands[i]!.strides[axis] === 1 && isInFours(operands[i]!, axis);
}

/** What a lane does for an item. */
function itemLines(text: Text): string[] {
  const { lengths, placed, operands, width } = text;
  const target = operands.at(-1)!;
  const at = indices(width === 4 ? '(4u * item)' : 'item', lengths, 'i');
  const loads = placed.flatMap((leaf, i) => loadLines(text, leaf, i, at.names));
  const results = Array.from(
    { length: width },
    (_, j) => `value(${placed.map((leaf, i) => argumentOf(text, leaf, i, j)).join(', ')})`,
  );
  const to = `let to = ${address('params.y_at', at.names, target.strides)};`;
  return [...at.lines, ...loads, to, ...stores(results, width, target.dtype)];
}

function loadLines(text: Text, leaf: Placed, i: number, names: readonly string[]): string[] {
  const { operands, width, inPlace, axis } = text;
  const { strides } = operands[i]!;
  const from = `let x${i}_from = ${address(`params.x${i}_at`, names, strides)};`;
  if (leaf.kind === 'place') return [from];
  const name = inPlace[i] ? 'y' : `x${i}`;
  if (width === 4 && (inPlace[i] || isQuad(text, i)))
    return [from, `let x${i}_four = ${loaded4(leaf.dtype, `${name}[x${i}_from / 4u]`)};`];
  return width === 1 || strides[axis] === 0
    ? [from, `let x${i}_one = ${loaded(leaf.dtype, `${name}[x${i}_from]`)};`]
    : [from];
}

/** What a leaf is for the j-th of a lane's elements. */
function argumentOf(text: Text, leaf: Placed, i: number, j: number): string {
  const { operands, width, inPlace, axis } = text;
  const step = operands[i]!.strides[axis] ?? 0;
  const from = j === 0 ? `x${i}_from` : `x${i}_from + ${Math.imul(step, j) >>> 0}u`;
  if (leaf.kind === 'place') return from;
  if (width === 4 && (inPlace[i] || isQuad(text, i))) return `x${i}_four[${j}]`;
  return width === 1 || step === 0 ? `x${i}_one` : loaded(leaf.dtype, `x${i}[${from}]`);
}

function stores(results: readonly string[], width: 1 | 4, dtype: DType): string[] {
  if (width === 1) return [`y[to] = ${stored(dtype, results[0]!)};`];
  return [
    ...results.map((result, j) => `let y${j} = ${stored(dtype, result)};`),
    'let left = params.size - 4u * item;',
    `if (left >= 4u) { y[to / 4u] = vec4<${dtype}>(y0, y1, y2, y3); }`,
    'else {',
    '  y[to / 4u][0] = y0;',
    '  if (left > 1u) { y[to / 4u][1] = y1; }',
    '  if (left > 2u) { y[to / 4u][2] = y2; }',
    '}',
  ];
}

export const binding = (index: number, name: string, type: string, access: string): string =>
  `@group(0) @binding(${index}) var<storage, ${access}> ${name}: ${type};`;

const storedType = (dtype: DType, isQuad: boolean): string => (isQuad ? `array<vec4<${dtype}>>` : `array<${dtype}>`);
export const loaded = (dtype: DType, element: string): string => (dtype === 'f16' ? `f32(${element})` : element);
const loaded4 = (dtype: DType, quad: string): string => (dtype === 'f16' ? `vec4f(${quad})` : quad);
export const stored = (dtype: DType, value: string): string => (dtype === 'f16' ? `f16(${value})` : value);

export function usesHalf(
  parts: readonly { readonly dtype: DType; readonly inputs?: readonly Expression[] }[],
): boolean {
  return parts.some(({ dtype, inputs = [] }) => bytesPerElement(dtype) === 2 || usesHalf(inputs));
}

/** The expression as a reader would write it. */
export function formula(expression: Expression, nameOf: (leaf: Leaf) => string): string {
  if (expression.kind !== 'call') return nameOf(expression);
  return `${expression.function.name}(${expression.inputs.map((input) => formula(input, nameOf)).join(', ')})`;
}
