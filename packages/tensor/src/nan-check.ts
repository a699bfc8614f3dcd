// Whether NaN gets through an op on this adapter, forward and backward. WGSL lets compilers assume that there is none, so that
// this cannot be proved from the code of a kernel, only be tried where it runs. The tests try every op; `lockstep doctor` those of
// `nanCases`, which reduce and compare.
import type { Device } from './device.ts';
import type { AnyOp } from './op.ts';
import { attention } from './ops/attention.ts';
import { crossEntropy } from './ops/cross-entropy.ts';
import { gelu } from './ops/gelu.ts';
import { layerNorm } from './ops/layer-norm.ts';
import { max } from './ops/max.ts';
import { softmax } from './ops/softmax.ts';
import { sum } from './ops/sum.ts';
import { type Shape, sizeOf } from './shape.ts';
import type { Tensor, TypedArray } from './tensor.ts';
import { treeSum, type WireFormat } from './tree-sum.ts';

export interface NaNCase {
  readonly op: AnyOp;
  readonly inputs: readonly { readonly data: TypedArray; readonly shape: Shape; readonly hasGradient: boolean }[];
  readonly options?: unknown;
  /** Whether backward follows the places of an input's elements and not their values, as that of a maximum does. */
  readonly selects?: boolean | undefined;
}

/** Where NaN is put: into an input, or into the gradient of the output. */
interface Place {
  readonly input: number | 'dy';
  readonly index: number;
}

type Numbers = Float32Array<ArrayBuffer>;

/** Changes by which it is found out what depends on an element. */
const changes = [1, -3, 40];

/**
 * Puts NaN into one element of each input, then of the output's gradient. What other values of that element would change must
 * become NaN, and nothing else may change at all.
 * @returns a sentence about each NaN that is lost, or shows where it does not belong; none if all is well.
 */
export async function findLostNaN(device: Device, nanCase: NaNCase): Promise<string[]> {
  const { op, inputs, options } = nanCase;
  const size = sizeOf(
    op.shape(
      inputs.map(({ shape }) => shape),
      options,
    ),
  );
  const places: Place[] = [
    ...inputs.flatMap(({ data, hasGradient }, input) =>
      hasGradient ? spread.map((share) => ({ input, index: Math.floor(share * data.length) })) : [],
    ),
    { input: 'dy', index: Math.floor(spread[0]! * size) },
  ];
  const whole = await Promise.all([
    run(device, nanCase, undefined),
    ...places.flatMap((place) => [...changes, NaN].map((change) => run(device, nanCase, { ...place, change }))),
  ]);
  const [untouched, ...results] = whole;
  const each = changes.length + 1;
  return places.flatMap((place, i) => {
    const others = results.slice(i * each, (i + 1) * each);
    const poisoned = others.pop()!;
    return judge(nanCase, place, { untouched: untouched!, others, poisoned });
  });
}

/** Neither at an end nor in the middle, where a row may begin that has nothing to depend on: of queries, keys and values each one. */
const spread = [0.7, 0.66, 0.53];

/** The output, then the gradient of each input. */
type Outputs = readonly (Numbers | undefined)[];

function judge(
  { op, selects }: NaNCase,
  { input, index }: Place,
  { untouched, others, poisoned }: { untouched: Outputs; others: readonly Outputs[]; poisoned: Outputs },
): string[] {
  return poisoned.flatMap((values, output) => {
    if (!values || (selects && output > 0 && input !== 'dy')) return [];
    const before = untouched[output]!;
    const depends = (i: number): boolean => others.some((other) => !Object.is(other[output]![i], before[i]));
    const lost = values.findIndex((value, i) => depends(i) && !Number.isNaN(value));
    const leaked = values.findIndex((value, i) => !depends(i) && !Object.is(value, before[i]));
    const what = output === 0 ? 'y' : `gradient ${output - 1}`;
    const from = `${op.name}: NaN in ${input === 'dy' ? 'dy' : `input ${input}`}[${index}]`;
    return [
      ...(lost < 0 ? [] : [`${from} is lost in ${what}[${lost}], which is ${values[lost]}`]),
      ...(leaked < 0 ? [] : [`${from} changes ${what}[${leaked}] to ${values[leaked]}`]),
    ];
  });
}

/** Runs the op with one element changed by so much. Many may run at once. */
async function run(
  device: Device,
  { op, inputs, options }: NaNCase,
  changed: (Place & { change: number }) | undefined,
): Promise<Outputs> {
  const changedAt = (input: Place['input'], data: TypedArray): TypedArray => {
    if (changed?.input !== input) return data;
    const copy = data.slice();
    copy[changed.index]! += changed.change;
    return copy;
  };
  const tensors = device.scope((): (Tensor | undefined)[] => {
    const xs = inputs.map(({ data, shape }, i) => device.tensor(changedAt(i, data), shape));
    const shapes = inputs.map(({ shape }) => shape);
    const y = device.empty(op.shape(shapes, options));
    const saved = op.forward(device, xs, y, options) ?? [];
    const dy = device.tensor(changedAt('dy', noise(y.size, 17)), y.shape);
    const needs = inputs.map(({ hasGradient }) => hasGradient);
    const gradients = op.backward(device, { inputs: xs, y, saved, dy, needs, shards: 1 }, options);
    return [y, ...gradients.map((gradient, i) => (needs[i] ? gradient : undefined))];
  });
  const present = tensors.filter((tensor) => tensor !== undefined);
  const read = await device.read(present);
  for (const tensor of present) tensor.dispose();
  return tensors.map((tensor) => tensor && read[present.indexOf(tensor)]);
}

/** Numbers within 2 of 0, the same on every run. */
function noise(size: number, seed: number): Numbers {
  return Float32Array.from({ length: size }, (_, i) => 4 * (((i + seed) * 0.6180339887498949) % 1) - 2);
}

const given = (...shapes: Shape[]): NaNCase['inputs'] =>
  shapes.map((shape, i) => ({ data: noise(sizeOf(shape), i + 1), shape, hasGradient: true }));

/** The canonical sum, in the form of an op; in int8 a NaN takes its whole block along, so there a block is one element. */
const sumOver = (wire: WireFormat): NaNCase => ({
  op: {
    name: `treeSum ${wire}`,
    arity: 1,
    shape: ([x]) => x!.slice(1),
    forward: (device, [x], y) => treeSum(device, x!, y, { wire }),
    backward: () => [],
  },
  inputs: given(wire === 'int8' ? [8, 1] : [8, 40]),
});

/** What reduces and compares, of sizes that leave lanes and blocks partly empty. */
const nanCases: readonly NaNCase[] = [
  { op: softmax as unknown as AnyOp, inputs: given([3, 70]) },
  { op: max as unknown as AnyOp, inputs: given([3, 70]), options: { axis: 1 }, selects: true },
  { op: sum as unknown as AnyOp, inputs: given([3, 70]), options: { axis: 1 } },
  {
    op: crossEntropy as unknown as AnyOp,
    inputs: [...given([3, 70]), { data: Uint32Array.of(5, 69, 70), shape: [3], hasGradient: false }],
    options: { rows: 3, shards: 1 },
  },
  { op: layerNorm as unknown as AnyOp, inputs: given([3, 70], [70], [70]), options: { epsilon: 1e-5 } },
  { op: gelu as unknown as AnyOp, inputs: given([3, 70]) },
  { op: attention as unknown as AnyOp, inputs: given([1, 19, 24]), options: { heads: 1 } },
  sumOver('f32'),
  sumOver('bf16'),
  sumOver('int8'),
];

/**
 * Tries the reductions and comparisons of the kernels that the device has chosen.
 * @returns a sentence about each NaN that they lose, or show where it does not belong; none if all is well.
 */
export async function checkNaN(device: Device): Promise<string[]> {
  const found: string[] = [];
  for (const nanCase of nanCases) found.push(...(await findLostNaN(device, nanCase)));
  return found;
}
