// Whether NaN gets through an op on this adapter, forward and backward. WGSL lets compilers assume that there is none, so that
// this cannot be proved from the code of a kernel, only be tried where it runs. The tests try every op; `lockstep doctor` those of
// `nanCases`, which reduce and compare.
import type { Device } from '../device/device.ts';
import type { TypedArray } from '../dtype.ts';
import { attention } from '../ops/attention.ts';
import { crossEntropy } from '../ops/cross-entropy.ts';
import { gelu } from '../ops/activations.ts';
import { layerNorm } from '../ops/layer-norm.ts';
import { max } from '../ops/max.ts';
import { softmax } from '../ops/softmax.ts';
import { sum } from '../ops/sum.ts';
import { treeSum } from '../reduce/tree-sum.ts';
import { type Shape, sizeOf } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import type { WireFormat } from '../wire-format.ts';
import { withGradients } from './differentiate.ts';

export interface NaNCase {
  readonly name: string;
  /** What is tried, over the inputs. */
  readonly call: (inputs: readonly Tensor[]) => Tensor;
  readonly inputs: readonly { readonly data: TypedArray; readonly shape: Shape; readonly hasGradient: boolean }[];
  /** Whether backward follows the places of an input's elements and not their values, as that of a maximum does. */
  readonly selects?: boolean | undefined;
  /** Whether there is no gradient. */
  readonly isConstant?: boolean | undefined;
}

/** Where NaN is put: into an input, or into the gradient of the output. */
interface Place {
  readonly input: number | 'dy';
  readonly index: number;
}

type Numbers = Float32Array<ArrayBuffer>;

/** Changes by which it is found out what depends on an element. */
const changes = [1, -3, 40, -40];

/**
 * Puts NaN into one element of each input, then of the output's gradient. What other values of that element would change must
 * become NaN, and nothing else may change at all.
 * @returns a sentence about each NaN that is lost, or shows where it does not belong; none if all is well.
 */
export async function findLostNaN(device: Device, nanCase: NaNCase): Promise<string[]> {
  const { inputs } = nanCase;
  const untouched = await run(device, nanCase, undefined);
  const size = untouched[0]!.length;
  const places: Place[] = [
    ...inputs.flatMap(({ data, hasGradient }, input) =>
      hasGradient ? spread.map((share) => ({ input, index: Math.floor(share * data.length) })) : [],
    ),
    ...(nanCase.isConstant ? [] : [{ input: 'dy' as const, index: Math.floor(spread[0]! * size) }]),
  ];
  const results = await Promise.all(
    places.flatMap((place) => [...changes, NaN].map((change) => run(device, nanCase, { ...place, change }))),
  );
  const each = changes.length + 1;
  return places.flatMap((place, i) => {
    const others = results.slice(i * each, (i + 1) * each);
    const poisoned = others.pop()!;
    return judge(nanCase, place, { untouched, others, poisoned });
  });
}

/** Neither at an end nor in the middle, where a row may begin that has nothing to depend on: of queries, keys and values each one. */
const spread = [0.7, 0.66, 0.53];

/** The output, then the gradient of each input. */
type Outputs = readonly (Numbers | undefined)[];

function judge(
  { name, selects }: NaNCase,
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
    const from = `${name}: NaN in ${input === 'dy' ? 'dy' : `input ${input}`}[${index}]`;
    return [
      ...(lost < 0 ? [] : [`${from} is lost in ${what}[${lost}], which is ${values[lost]}`]),
      ...(leaked < 0 ? [] : [`${from} changes ${what}[${leaked}] to ${values[leaked]}`]),
    ];
  });
}

/** Runs the case with one element changed by so much. Many may run at once. */
async function run(
  device: Device,
  { call, inputs, isConstant = false }: NaNCase,
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
    if (isConstant) return [call(xs)];
    const wanted = xs.filter((_, i) => inputs[i]!.hasGradient);
    let y: Tensor | undefined;
    const { gradients } = withGradients(device, () => (y = call(xs)), {
      wanted,
      seed: (of) => device.tensor(changedAt('dy', noise(of.size, 17)), of.shape),
    });
    return [y, ...xs.map((x) => gradients[wanted.indexOf(x)])];
  });
  const present = tensors.filter((tensor) => tensor !== undefined);
  const read = (await device.read(present)) as Numbers[];
  for (const tensor of present) tensor.dispose();
  return tensors.map((tensor) => tensor && read[present.indexOf(tensor)]);
}

/** Numbers within 2 of 0, the same on every run. */
function noise(size: number, seed: number): Numbers {
  return Float32Array.from({ length: size }, (_, i) => 4 * (((i + seed) * 0.6180339887498949) % 1) - 2);
}

const given = (...shapes: Shape[]): NaNCase['inputs'] =>
  shapes.map((shape, i) => ({ data: noise(sizeOf(shape), i + 1), shape, hasGradient: true }));

/** The canonical sum over shards; in int8 a NaN takes its whole block along, so there a block is one element. */
const sumOver = (wire: WireFormat): NaNCase => ({
  name: `treeSum ${wire}`,
  call: ([x]) => {
    const device = x!.device as Device;
    const y = device.empty(x!.shape.slice(1));
    const shards = device.empty(y.shape, 'f32', x!.shape[0]!);
    device.copy(x!, shards);
    treeSum(device, shards, y, { wire });
    return y;
  },
  inputs: given(wire === 'int8' ? [8, 1] : [8, 40]).map((input) => ({ ...input, hasGradient: false })),
});

/** What reduces and compares, of sizes that leave lanes and blocks partly empty. */
const nanCases: readonly NaNCase[] = [
  { name: 'softmax', call: ([x]) => softmax(x!), inputs: given([3, 70]) },
  { name: 'max', call: ([x]) => max(x!, { axis: 1 }), inputs: given([3, 70]), selects: true },
  { name: 'sum', call: ([x]) => sum(x!, { axis: 1 }), inputs: given([3, 70]) },
  {
    name: 'crossEntropy',
    call: ([logits, targets]) => crossEntropy(logits!, targets!),
    inputs: [...given([3, 70]), { data: Uint32Array.of(5, 69, 70), shape: [3], hasGradient: false }],
  },
  {
    name: 'layerNorm',
    call: ([x, weight, bias]) => layerNorm(x!, weight!, bias!, { epsilon: 1e-5 }),
    inputs: given([3, 70], [70], [70]),
  },
  { name: 'gelu', call: ([x]) => gelu(x!), inputs: given([3, 70]) },
  { name: 'attention', call: ([qkv]) => attention(qkv!, { heads: 1, causal: true }), inputs: given([1, 19, 24]) },
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
