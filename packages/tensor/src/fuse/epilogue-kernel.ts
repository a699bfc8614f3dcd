// Kernels of fixed text with elementwise ops after what they compute. Such a kernel stores every element by `store_element(to, value)`; the ops that
// follow are written into that function, and what they read beside is bound after the kernel's own bindings.
import { type AnyKernel, lib } from '@lockstep/kernels';
import { bytesPerElement } from '../dtype.ts';
import type { Epilogue } from '../graph/epilogue.ts';
import type { Emission } from '../graph/emitter.ts';
import { callsIn, type Leaf, leavesOf, type Literal } from './expression.ts';
import {
  binding,
  bytesOf,
  formula,
  isPlaced,
  namesOf,
  numberFields,
  operand,
  parametersOf,
} from './elementwise-kernel.ts';
import { generated } from './generated.ts';
import { address, indices, isBindable, rangeOf, shortened, type Walk } from './walk.ts';
import { describe, passages, writeBody } from './wgsl.ts';

/** Bindings of storage that every adapter has for a kernel. */
const mostBindings = 8;

/** The function that such a kernel has on a line of its own, and where it stores. */
const seam = /^fn store_element\(to: u32, value: f32\) \{ (\w+)\[to\] = value; \}$/m;

/** A kernel, and what it is given beside what it has without epilogue. */
export interface WithEpilogue {
  readonly kernel: AnyKernel;
  readonly ranges: Emission['ranges'];
  readonly params: Readonly<Record<string, number>>;
  readonly work: { readonly flops: number; readonly bytes: number };
}

/** The kernel with an epilogue; undefined where it would bind more, or longer ranges, than adapters do. */
export function withEpilogue(
  base: AnyKernel,
  { expression, own, output, isKept }: Epilogue,
  mostBindable: number,
): WithEpilogue | undefined {
  const isOwn = (leaf: Leaf): boolean => leaf.kind === 'load' && leaf.memory === own;
  const leaves = leavesOf(expression).filter((leaf) => !isOwn(leaf));
  const placed = leaves.filter(isPlaced);
  const result = { kind: 'load' as const, ...output.stored!, dtype: output.dtype };
  const walk = shortened({
    lengths: [output.shards ?? 1, ...output.shape],
    operands: [...placed, result].map(operand),
  });
  const loads = placed.filter(({ kind }) => kind === 'load').length;
  if (base.bindings.length + loads + Number(isKept) > mostBindings || !isBindable(walk, mostBindable)) return undefined;
  const ranges = walk.operands.map((one) => (one.memory ? rangeOf(one, walk.lengths) : undefined));
  const text = write(base, { expression, leaves, walk, isOwn, isKept });
  return {
    kernel: generated(`${base.name}_${describe(expression)}`, text),
    ranges: {
      ...Object.fromEntries(placed.flatMap((_, i) => (ranges[i] ? [[`x${i}`, ranges[i]]] : []))),
      ...(isKept && { kept: { memory: own, start: 0, end: bytesPerElement('f32') * output.count } }),
    },
    params: {
      zero: 0,
      ...Object.fromEntries(placed.map((_, i) => [`x${i}_at`, (ranges[i]?.offset ?? walk.operands[i]!.offset) >>> 0])),
      ...Object.fromEntries(leaves.flatMap((leaf, i) => (leaf.kind === 'literal' ? [[`k${i}`, leaf.value]] : []))),
    },
    work: {
      flops: output.count * callsIn(expression),
      bytes: bytesOf({ ...walk, operands: walk.operands.slice(0, -1) }) + (isKept ? 4 * output.count : 0),
    },
  };
}

interface Text {
  readonly expression: Epilogue['expression'];
  /** But for the op's own elements. */
  readonly leaves: readonly Leaf[];
  readonly walk: Walk;
  readonly isOwn: (leaf: Leaf) => boolean;
  readonly isKept: boolean;
}

function write(base: AnyKernel, text: Text): string {
  const { expression, leaves, isOwn } = text;
  const nameOf = namesOf(leaves);
  const body = writeBody(expression, (leaf) =>
    isOwn(leaf) ? 'value' : leaf.kind === 'literal' ? `params.${nameOf(leaf)}` : `${nameOf(leaf)}_i`,
  );
  const placed = leaves.filter((leaf): leaf is Exclude<Leaf, Literal> => isPlaced(leaf));
  const pieces = [...new Set(body.pieces)].map((piece) => lib[piece]).filter((piece) => !base.code.includes(piece));
  const fields = ['zero: u32', ...placed.map((_, i) => `x${i}_at: u32`), ...numberFields(leaves)];
  const parameters = ['value: f32', parametersOf(placed)].filter(Boolean).join(', ');
  return `// ${base.name}, then ${formula(expression, (leaf) => (isOwn(leaf) ? 'y' : nameOf(leaf)))}
//
${base.code
  .replace(/^struct Params \{([^}]*)\}/m, (_, own: string) => `struct Params {${own}  ${fields.join(', ')},\n}`)
  .replace(
    seam,
    (_, target: string) => `${bindingsOf(base, text).join('\n')}

${[...pieces, passages(false), ...body.functions].join('\n')}

fn epilogue(${parameters}) -> f32 {
  ${[...body.lines, `return ${body.result};`].join('\n  ')}
}

fn store_element(to: u32, value: f32) {
  ${storeLines(text, target).join('\n  ')}
}`,
  )}`;
}

function bindingsOf(base: AnyKernel, { leaves, isKept }: Text): string[] {
  const first = Math.max(...base.bindings.map(({ index }) => index)) + 1;
  const placed = leaves.filter(isPlaced);
  return [
    ...placed.flatMap((leaf, i) =>
      leaf.kind === 'load' ? [binding(first + i, `x${i}`, `array<${leaf.dtype}>`, 'read')] : [],
    ),
    ...(isKept ? [binding(first + placed.length, 'kept', 'array<f32>', 'read_write')] : []),
  ];
}

/** What is read of the element at `to`, and what is stored there. */
function storeLines({ leaves, walk, isKept }: Text, target: string): string[] {
  const at = indices('to', walk.lengths, 'i');
  const placed = leaves.filter(isPlaced);
  const values = placed.map((leaf, i) => {
    const from = address(`params.x${i}_at`, at.names, walk.operands[i]!.strides);
    return leaf.kind === 'place' ? from : `x${i}[${from}]`;
  });
  return [
    ...(isKept ? ['kept[to] = value;'] : []),
    ...at.lines,
    `${target}[to] = epilogue(${['apart(value)', ...values].join(', ')});`,
  ];
}
