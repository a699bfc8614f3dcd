// Reductions as generated kernels: many numbers become one, each of them an expression that is computed on the way.
//
// Long reductions are cut into chunks, for precision and to give a GPU enough to do; a second pass reduces what the chunks gave. Which lane
// takes what depends on one shard's shape and the adapter's family, never on the number of shards.
import type { DType } from '../dtype.ts';
import type { RowFamily } from '../device/adapter-facts.ts';
import { Memory } from '../device/memory.ts';
import { DeviceError } from '@lockstep/errors';
import type { Emitter } from '../graph/emitter.ts';
import { denseLayout } from '../graph/layout.ts';
import { sizeOf } from '../shape.ts';
import type { Stored } from '../tensor.ts';
import { collapse } from './collapse.ts';
import {
  binding,
  bytesOf,
  dispatchElementwise,
  formula,
  isPlaced,
  loaded,
  namesOf,
  numberFields,
  operand,
  parametersOf,
  stored,
  usesHalf,
} from './elementwise-kernel.ts';
import { callsIn, type Expression, type Leaf, leavesOf, type Load } from './expression.ts';
import { generated } from './generated.ts';
import { type Reducer, reductions } from './reducer.ts';
import { address, cut, indices, isBindable, type Range, rangeOf, type Walk } from './walk.ts';
import { computedType, describe, passages, writeBody, writePieces } from './wgsl.ts';

export interface Reduction {
  readonly reducer: Reducer;
  readonly expression: Expression;
  /** The number of shards (1 where one value serves all), then the axes of one, before reducing. */
  readonly lengths: readonly number[];
  /** Places in `lengths` to reduce; never the first. */
  readonly axes: readonly number[];
  readonly scale: number;
}

/** Length of the chunks into which a reduction is cut: at least 64, and so many that a second pass is no longer than the first. */
function chunkLength(length: number): number {
  return Math.max(64, Math.ceil(Math.sqrt(length)));
}

/** Dispatches what fills `output`, dense over the axes that are left. */
export function dispatchReduce(emitter: ReduceEmitter, reduction: Reduction, output: Stored & { dtype: DType }): void {
  const { lengths, axes } = reduction;
  if (lengths.some((length, axis) => length === 0 && !axes.includes(axis))) return;
  const length = axes.reduce((product, axis) => product * lengths[axis]!, 1);
  if (length === 0) return fillWithNothing(emitter, reduction, output);
  const chunk = chunkLength(length);
  const chunks = Math.max(1, Math.ceil(length / chunk));
  const pass = { ...reduction, chunk, chunks, length };
  if (chunks === 1) return dispatchPass(emitter, pass, output);
  const kept = lengths.map((one, axis) => (axes.includes(axis) ? 1 : one));
  const outputs = sizeOf(kept);
  const isArg = reductions[reduction.reducer.name].isArg;
  const partialType = isArg ? 'u32' : accumulated(reduction.expression.dtype);
  const memory = new Memory(4 * chunks * outputs, { isTransient: true });
  const partial = { memory, layout: denseLayout(kept.slice(1), kept[0]), dtype: partialType } as const;
  dispatchPass(emitter, { ...pass, scale: 1 }, partial);
  dispatchPass(emitter, secondPass(pass, partial, { outputs, chunks }), output);
}

/** The sum of no numbers is 0, their product 1. */
function fillWithNothing(
  emitter: Emitter,
  { reducer, lengths, axes }: Reduction,
  output: Stored & { dtype: DType },
): void {
  const value = reducer.name === 'prod' ? 1 : 0;
  const kept = lengths.map((length, axis) => (axes.includes(axis) ? 1 : length));
  dispatchElementwise(emitter, { kind: 'literal', value, dtype: output.dtype }, { ...output, lengths: kept });
}

export interface ReduceEmitter extends Emitter {
  readonly rowFamily: RowFamily;
}

/** Numbers of half a word are added up in whole ones. */
const accumulated = (dtype: DType): DType => (dtype === 'f16' ? 'f32' : dtype);

interface Pass extends Reduction {
  readonly chunk: number;
  readonly chunks: number;
  /** Numbers that become one. */
  readonly length: number;
  /** Where the places of the largest of each chunk are: only those are looked at again. */
  readonly candidates?: Load;
}

/** What reduces the chunks' results, which lie chunk by chunk. */
function secondPass(
  pass: Pass,
  { memory, layout, dtype }: Stored & { dtype: DType },
  { outputs, chunks }: { outputs: number; chunks: number },
): Pass {
  const axis = pass.axes[0]!;
  const lengths = pass.lengths.map((one, i) => (pass.axes.includes(i) ? 1 : one)).with(axis, chunks);
  const results: Load = { kind: 'load', memory, dtype, layout };
  const shape = { chunk: chunks, chunks: 1, length: chunks };
  if (reductions[pass.reducer.name].isArg) return { ...pass, ...shape, candidates: results };
  const strides = layout.strides.with(axis - 1, outputs);
  return { ...pass, ...shape, expression: { ...results, layout: { ...layout, strides } }, lengths, axes: [axis] };
}

function dispatchPass(emitter: ReduceEmitter, pass: Pass, output: Stored & { dtype: DType }): void {
  const { lengths, axes, expression, chunk, length, candidates } = pass;
  const leaves = leavesOf(expression);
  const placed = leaves.filter(isPlaced);
  const operands = [...placed, ...(candidates ? [candidates] : []), { kind: 'load' as const, ...output }].map(operand);
  const isKept = lengths.map((_, axis) => !axes.includes(axis));
  const outputs = lengths.reduce((product, one, axis) => (isKept[axis] ? product * one : product), 1);
  // Results, and candidates among them, have one place for all of an axis that is reduced.
  const steps = operands.map(({ strides }, i) =>
    strides.map((step, axis) => (i >= placed.length && !isKept[axis] ? 0 : step)),
  );
  const select = (wanted: boolean): { lengths: number[]; strides: number[][] } => ({
    lengths: lengths.filter((_, axis) => isKept[axis] === wanted),
    strides: steps.map((strides) => strides.filter((_, axis) => isKept[axis] === wanted)),
  });
  const [kept, reduced] = [select(true), select(false)].map((some) => collapse(some.lengths, some.strides)) as [
    Axes,
    Axes,
  ];
  const walk = {
    lengths: [...kept.lengths, ...reduced.lengths],
    operands: operands.map((one, i) => ({ ...one, strides: [...kept.strides[i]!, ...reduced.strides[i]!] })),
  };
  // The order of a sum follows from the shape alone: not from how its numbers lie, nor from what is fused with it.
  const innermost = lengths.findLastIndex((one, axis) => axis > 0 && one > 1);
  const isByColumns = innermost > 0 && isKept[innermost]!;
  const choice = { team: isByColumns ? 1 : undefined, columns: Math.min(chunk, length) };
  for (const piece of cut(walk, emitter.mostBindable, kept.lengths.length)) {
    const work = { ...pass, leaves, piece, reducedAxes: reduced.lengths.length, outputStep: outputs, choice, output };
    for (const band of bands(emitter, work)) dispatchBand(emitter, work, band);
  }
}

type Axes = { readonly lengths: readonly number[]; readonly strides: readonly (readonly number[])[] };

interface Work extends Pass {
  readonly leaves: readonly Leaf[];
  readonly piece: Walk;
  /** How many of the piece's axes, the last ones, are reduced. */
  readonly reducedAxes: number;
  /** Elements from the result of one chunk to that of the next. */
  readonly outputStep: number;
  readonly choice: { readonly team: number | undefined; readonly columns: number };
  readonly output: { readonly dtype: DType };
}

/** Chunks that are dispatched together. */
interface Band {
  readonly first: number;
  readonly count: number;
}

/** All chunks at once, or as many as can be bound where the numbers to reduce lie along one axis. */
function bands(emitter: Emitter, { piece, reducedAxes, chunk, chunks }: Work): Band[] {
  if (isBindable(piece, emitter.mostBindable)) return [{ first: 0, count: chunks }];
  for (let count = Math.ceil(chunks / 2); reducedAxes === 1; count = Math.ceil(count / 2)) {
    const every = Array.from({ length: Math.ceil(chunks / count) }, (_, i) => ({
      first: i * count,
      count: Math.min(count, chunks - i * count),
    }));
    if (every.every((band) => isBindable(banded(piece, chunk, band), emitter.mostBindable))) return every;
    if (count === 1) break;
  }
  throw new DeviceError(
    'reduce: expected numbers that the adapter can bind, got more along several axes\nhint: reduce one axis after the other',
  );
}

/** The part of a walk that belongs to some chunks. */
function banded({ lengths, operands }: Walk, chunk: number, { first, count }: Band): Walk {
  const axis = lengths.length - 1;
  const from = first * chunk;
  const length = Math.min(count * chunk, lengths[axis]! - from);
  return {
    lengths: lengths.with(axis, length),
    operands: operands.map((one) => ({ ...one, offset: one.offset + from * one.strides[axis]! })),
  };
}

function dispatchBand(emitter: ReduceEmitter, work: Work, band: Band): void {
  const { piece, leaves, reducedAxes, chunk, length, scale, candidates, outputStep, reducer, expression } = work;
  const isWhole = band.first === 0 && band.count === work.chunks;
  const walk = isWhole ? piece : banded(piece, chunk, band);
  const placed = leaves.filter(isPlaced);
  const lastAxis = walk.lengths.length - 1;
  const ranges = walk.operands.map((one) => (one.memory ? rangeOf(one, walk.lengths) : undefined));
  // Kernels count from the first chunk of all: where some are left out, offsets lie before what is bound, and wrap round.
  const offsets = ranges.map((range, i) => {
    const one = walk.operands[i]!;
    const back = isWhole ? 0 : band.first * chunk * (one.strides[lastAxis] ?? 0);
    return ((range?.offset ?? one.offset) - (i < placed.length ? back : 0)) >>> 0;
  });
  const kept = walk.lengths.slice(0, walk.lengths.length - reducedAxes);
  const outputs = sizeOf(kept);
  const target = ranges.at(-1)!;
  const teams = teamsOf(emitter, outputs * band.count, work.choice);
  /** The results of all chunks lie one step apart. */
  const across = (range: Range, chunks: number): Range => ({
    ...range,
    end: range.end + 4 * outputStep * (chunks - 1),
  });
  emitter.emit({
    kernel: generated(`${reducer.name}_${describe(expression)}`, write(work, walk)),
    ranges: {
      ...Object.fromEntries(placed.flatMap((_, i) => (ranges[i] ? [[`x${i}`, ranges[i]]] : []))),
      ...(candidates && { candidates: across(ranges[placed.length]!, length) }),
      y: across(target, work.chunks),
    },
    params: {
      outputs,
      chunks: band.count,
      first_chunk: band.first,
      chunk,
      length,
      chunk_step: outputStep,
      scale,
      zero: 0,
      y_at: offsets.at(-1)!,
      ...(candidates && { candidates_at: offsets[placed.length]! }),
      ...Object.fromEntries(placed.map((_, i) => [`x${i}_at`, offsets[i]!])),
      ...Object.fromEntries(leaves.flatMap((leaf, i) => (leaf.kind === 'literal' ? [[`k${i}`, leaf.value]] : []))),
    },
    workgroups: teams.workgroups,
    constants: teams.constants,
    work: { flops: sizeOf(walk.lengths) * (1 + callsIn(expression)), bytes: bytesOf(walk) },
  });
}

/** Lanes that share a row; one where neighbouring lanes take neighbouring columns. */
function teamsOf(
  emitter: ReduceEmitter,
  outputs: number,
  { team, columns }: { readonly team: number | undefined; readonly columns: number },
): { workgroups: [x: number, y: number, z: number]; constants: { lanes: number; team: number } } {
  if (team === 1 || emitter.rowFamily === 'portable')
    return { workgroups: emitter.grid(outputs / 32), constants: { lanes: 32, team: 1 } };
  const lanes = Math.min(256, Math.max(32, 2 ** Math.ceil(Math.log2(columns))));
  return { workgroups: emitter.grid(outputs), constants: { lanes, team: lanes } };
}

function write(work: Work, { lengths, operands }: Walk): string {
  const { reducer, expression, leaves, reducedAxes, output } = work;
  const nameOf = namesOf(leaves);
  const body = writeBody(expression, (leaf) =>
    leaf.kind === 'literal' ? `params.${nameOf(leaf)}` : `${nameOf(leaf)}_i`,
  );
  const isArg = reductions[reducer.name].isArg;
  const hasHalves = usesHalf([expression, output]);
  const inner = lengths.slice(lengths.length - reducedAxes);
  return `// ${reducer.name} of ${formula(expression, nameOf)} over ${inner.length === 0 ? 'one element' : `[${inner.join(', ')}]`}
//
// A team of lanes per output and chunk. Chunks keep sums short, for precision, and give a GPU enough to do when outputs are few.
${hasHalves ? 'enable f16;\n' : ''}
${declarations(work)}

${writePieces(['grid', 'ieee754', ...(isArg ? (['order'] as const) : []), ...body.pieces])}
${passages(hasHalves)}

${body.functions.join('\n')}

fn value(${parametersOf(leaves.filter(isPlaced))}) -> ${computedType(expression.dtype)} {
  ${[...body.lines, `return ${body.result};`].join('\n  ')}
}

${teamFunctions(work)}

${mainFunction(work, { lengths, operands })}
`;
}

function declarations({ leaves, candidates, output }: Work): string {
  const placed = leaves.filter(isPlaced);
  const words = ['outputs', 'chunks', 'first_chunk', 'chunk', 'length', 'chunk_step', 'zero', 'y_at'];
  const fields = [
    ...words.map((name) => `${name}: u32`),
    'scale: f32',
    ...(candidates ? ['candidates_at: u32'] : []),
    ...placed.map((_, i) => `x${i}_at: u32`),
    ...numberFields(leaves),
  ];
  const bindings = [
    ...placed.flatMap((leaf, i) =>
      leaf.kind === 'load' ? [binding(i + 1, `x${i}`, `array<${leaf.dtype}>`, 'read')] : [],
    ),
    ...(candidates ? [binding(placed.length + 1, 'candidates', 'array<u32>', 'read')] : []),
    binding(placed.length + (candidates ? 2 : 1), 'y', `array<${output.dtype}>`, 'read_write'),
  ];
  return `struct Params { ${fields.join(', ')} }

@group(0) @binding(0) var<uniform> params: Params;
${bindings.join('\n')}

override lanes: u32 = 32u;
override team: u32 = 1u;`;
}

/** What lanes hold while they reduce: a number, or its order and its place. */
const totalType = ({ reducer, expression }: Work): string =>
  reductions[reducer.name].isArg ? 'vec2u' : computedType(expression.dtype);

function teamFunctions(work: Work): string {
  const type = totalType(work);
  return `fn joined(a: ${type}, b: ${type}) -> ${type} { return ${reductions[work.reducer.name].join(work.expression.dtype)}; }

var<workgroup> team_totals: array<${type}, lanes>;

/// What the team's lanes have found, in its first lane.
fn team_total(found: ${type}, lane: u32) -> ${type} {
  if (team == 1u) { return found; }
  team_totals[lane] = found;
  for (var stride = team / 2u; stride > 0u; stride /= 2u) {
    workgroupBarrier();
    if (lane % team < stride) { team_totals[lane] = joined(team_totals[lane], team_totals[lane + stride]); }
  }
  return team_totals[lane];
}`;
}

function mainFunction(work: Work, { lengths, operands }: Walk): string {
  const { reducer, expression, leaves, reducedAxes, candidates, output } = work;
  const reduction = reductions[reducer.name];
  const placed = leaves.filter(isPlaced);
  const kept = lengths.length - reducedAxes;
  const [o, j] = [indices('o', lengths.slice(0, kept), 'o'), indices('j', lengths.slice(kept), 'j')];
  const keptAddress = (offset: string, operand: number): string =>
    address(offset, o.names, operands[operand]!.strides.slice(0, kept));
  const froms = placed.map((_, i) => `let x${i}_from = ${keptAddress(`params.x${i}_at`, i)};`);
  const values = placed.map((leaf, i) => {
    const at = address(`x${i}_from`, j.names, operands[i]!.strides.slice(kept));
    return leaf.kind === 'place' ? at : loaded(leaf.dtype, `x${i}[${at}]`);
  });
  const value = `value(${values.join(', ')})`;
  const place = candidates
    ? `candidates[${keptAddress('params.candidates_at', placed.length)} + at * params.chunk_step]`
    : 'at';
  const isScaled = reducer.name === 'sum' && computedType(expression.dtype) === 'f32';
  const result = reduction.isArg ? 'total.y' : stored(output.dtype, isScaled ? 'total * params.scale' : 'total');
  return `@compute @workgroup_size(lanes)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let index = (workgroup_index(group, groups) * lanes + lane) / team;
  let exists = index < params.outputs * params.chunks;
  let o = index % params.outputs;
  let chunk = index / params.outputs;
  let start = (params.first_chunk + chunk) * params.chunk;
  let end = select(0u, min(params.length, start + params.chunk), exists);
  ${[...o.lines, ...froms].join('\n  ')}

  var total = ${reduction.nothing(expression.dtype)};
  for (var at = start + lane % team; at < end; at += team) {
    ${[`let j = ${place};`, ...j.lines].join('\n    ')}
    total = joined(total, ${reduction.isArg ? `vec2u(${reduction.key(expression.dtype, value)}, j)` : value});
  }
  total = team_total(total, lane);
  if (exists && lane % team == 0u) {
    y[${keptAddress('params.y_at', operands.length - 1)} + (params.first_chunk + chunk) * params.chunk_step] = ${result};
  }
}`;
}
