// The one judge of all ops, ours and others': forward against a definition in f64, backward against its slopes, shards in passes of any
// length against each by itself, the same bits twice, and what NaN and infinities do.
import type { Device } from '../device/device.ts';
import { withGradients } from '../autograd/differentiate.ts';
import { findLostNaN } from '../autograd/nan-check.ts';
import type { DType, TypedArray } from '../dtype.ts';
import { cast } from '../ops/cast.ts';
import { type Shape, sizeOf } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { CheckError, difference, firstDifference, worst } from './difference.ts';
import { noise } from './noise.ts';
import { elementwiseReference, type NumberReference } from './reference.ts';

/** An op however it was made: by `defineOp`, by `defineElementwise`, or composed of others. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type CheckableOp<Options> = ((...args: any[]) => Tensor) & {
  readonly name: string;
  readonly definition?: { readonly reference?: unknown };
} & { readonly options?: Options };

/** What an op is tried on. */
export interface OpSample<Options = unknown> {
  /** Of each input, of one shard. */
  readonly shapes: readonly Shape[];
  readonly options?: Options | undefined;
}

/** The definition of an op: output from inputs, in f64 on plain arrays, of one shard. */
export type OpReference<Options = unknown> = (
  inputs: readonly Float64Array[],
  shapes: readonly Shape[],
  options: Options,
) => ArrayLike<number>;

export interface OpCheck<Options = unknown> {
  /** Shapes of the only input, one after another; or see {@link samples}. */
  readonly shapes?: readonly Shape[];
  readonly samples?: readonly OpSample<Options>[];
  /** The definition; the op's own, a function of numbers, unless given. */
  readonly reference?: OpReference<Options>;
  /** Inputs that serve all shards, as weights do. */
  readonly shared?: readonly number[];
  /** Inputs that are whole numbers below a bound: tokens, targets, places. They are of u32 and have no gradient. */
  readonly integers?: Readonly<Record<number, (shapes: readonly Shape[], options: Options) => number>>;
  /** Inputs given word by word, for a pass that begins at a shard: seeds and counters. They serve all shards and have no gradient. */
  readonly words?: Readonly<Record<number, (firstShard: number) => readonly number[]>>;
  /** Inputs given as they are: tables of numbers. They serve all shards and have no gradient. */
  readonly tables?: Readonly<Record<number, (shapes: readonly Shape[]) => Float64Array>>;
  /** What becomes of the noise in (−2, 2) that inputs are made of: to keep a logarithm's above 0. */
  readonly domain?: (value: number, input: number) => number;
  /** Whether backward follows the places of elements and not their values, as that of a maximum does. */
  readonly selects?: boolean;
  /** Whether the op has no derivative. */
  readonly constant?: boolean;
  /** Largest error, relative to the largest magnitude of what is compared. */
  readonly tolerance?: number;
  /** Element type of the inputs that are numbers; f32 unless given. */
  readonly dtype?: DType;
  /** Whether NaN and infinities are tried, on the largest sample; true unless given. */
  readonly judgesNaN?: boolean;
}

/** One thing that is judged of an op on a sample. */
export interface Judgement {
  readonly title: string;
  /** @throws {CheckError} */
  judge(): Promise<void>;
}

/**
 * Judges an op on samples: forward against its reference, backward against numeric slopes, 8 shards in passes of 1, 2, 4 and 8, the same
 * bits in a captured program, NaN and infinities.
 *
 * ```ts
 * await checkOp(device, squash, { shapes: [[1], [37], [257, 3]] });
 * ```
 * @returns how much has been judged
 * @throws {CheckError} that says what differs, where, and by how much
 */
export async function checkOp<Options = unknown>(
  device: Device,
  op: CheckableOp<Options>,
  check: OpCheck<Options>,
): Promise<{ samples: number; judgements: number }> {
  let judgements = 0;
  const samples = samplesOf(check);
  for (const sample of samples) {
    for (const { judge } of judgementsOf(device, op, { check, sample })) {
      await judge();
      judgements++;
    }
  }
  return { samples: samples.length, judgements };
}

export function samplesOf<Options>({ shapes = [], samples = [] }: OpCheck<Options>): readonly OpSample<Options>[] {
  return [...shapes.map((shape) => ({ shapes: [shape] })), ...samples];
}

/** What is judged of an op on a sample, for tests that name each. */
export function judgementsOf<Options>(
  device: Device,
  op: CheckableOp<Options>,
  { check, sample }: { readonly check: OpCheck<Options>; readonly sample: OpSample<Options> },
): Judgement[] {
  const judge = new Judge(device, op, check, sample);
  const isLargest = sample === largestWithin(20_000, samplesOf(check));
  return [
    { title: 'forward is the definition', judge: () => judge.forward() },
    ...(check.constant ? [] : [{ title: 'backward is the slope', judge: () => judge.backward() }]),
    { title: 'a shard has the same bits alone and among others', judge: () => judge.shards() },
    ...(isLargest ? [{ title: 'a captured program gives the same bits', judge: () => judge.captured() }] : []),
    ...(isLargest && check.judgesNaN !== false
      ? [
          { title: 'NaN reaches all that depends on it, and nothing else', judge: () => judge.passesNaN() },
          { title: 'NaN and infinities give what the definition gives', judge: () => judge.passesAll() },
        ]
      : []),
  ];
}

/** The sample with the most elements that is not too slow: in small ones a row may be all that it depends on. */
function largestWithin<Options>(
  elements: number,
  samples: readonly OpSample<Options>[],
): OpSample<Options> | undefined {
  const sizeOfAll = ({ shapes }: OpSample<Options>): number => shapes.reduce((sum, shape) => sum + sizeOf(shape), 0);
  const fitting = samples.filter((sample) => sizeOfAll(sample) <= elements && sizeOfAll(sample) > 0);
  return fitting.toSorted((a, b) => sizeOfAll(b) - sizeOfAll(a))[0];
}

/** One run of an op over some shards. */
interface Pass {
  /** Of each input the elements of all shards, or those that serve all. */
  readonly inputs: readonly Float64Array[];
  /** undefined where there is no pass: the op alone. */
  readonly shards: number | undefined;
  readonly dy: Float64Array;
}

interface Outcome {
  readonly y: TypedArray;
  readonly gradients: readonly (TypedArray | undefined)[];
}

const shardsInAll = 8;

class Judge<Options> {
  readonly #device: Device;
  readonly #op: CheckableOp<Options>;
  readonly #check: OpCheck<Options>;
  readonly #shapes: readonly Shape[];
  readonly #options: Options | undefined;
  readonly #inputs: readonly Float64Array[];
  readonly #tolerance: number;

  constructor(
    device: Device,
    op: CheckableOp<Options>,
    check: OpCheck<Options>,
    { shapes, options }: OpSample<Options>,
  ) {
    this.#device = device;
    this.#op = op;
    this.#check = check;
    this.#shapes = shapes;
    this.#options = options;
    this.#tolerance = check.tolerance ?? (check.dtype === 'f16' ? 2e-3 : 2e-5);
    this.#inputs = shapes.map((shape, i) => this.#input(i, noise(sizeOf(shape), i + 1)));
  }

  async forward(): Promise<void> {
    const { y } = await this.#run({ inputs: this.#inputs, shards: undefined, dy: new Float64Array(0) }, false);
    this.#expectClose('forward', y, this.#reference(this.#inputs));
  }

  async backward(): Promise<void> {
    const dy = this.#seed(this.#reference(this.#inputs).length);
    const { gradients } = await this.#run({ inputs: this.#inputs, shards: undefined, dy });
    for (const [i, gradient] of gradients.entries()) {
      if (!this.#hasGradient(i) || this.#inputs[i]!.length === 0) continue;
      const direction = noise(this.#inputs[i]!.length, 31 + i);
      const slope = this.#slope(i, direction, dy);
      const values: ArrayLike<number> = gradient ?? new Float64Array(direction.length);
      const along = direction.reduce((sum, value, j) => sum + value * values[j]!, 0);
      const scale = Math.max(1, Math.abs(slope), worst(values) * Math.sqrt(values.length));
      if (!(Math.abs(along - slope) / scale < 10 * this.#tolerance))
        throw this.#wrong(`the gradient of input ${i} along a direction to be ${slope}`, `${along}`);
    }
  }

  /** The same shards in passes of different length: each must give what it gives alone. */
  async shards(): Promise<void> {
    const size = this.#reference(this.#inputs).length;
    const alone = Array.from({ length: shardsInAll }, (_, shard) => this.#ofShard(shard));
    const seed = this.#seed(shardsInAll * size);
    const passes = [1, 2, 4, 8].flatMap((length) =>
      Array.from({ length: shardsInAll / length }, (_, i) => ({ first: i * length, length })),
    );
    const outcomes = await Promise.all(
      passes.map(async ({ first, length }) => ({
        first,
        length,
        outcome: await this.#run({
          inputs: this.#shapes.map((_, i) => this.#sideBySide(i, alone, { first, length })),
          shards: length,
          dy: seed.subarray(first * size, (first + length) * size),
        }),
      })),
    );
    for (const { first, length, outcome } of outcomes) {
      for (let shard = first; shard < first + length; shard++)
        this.#expectSameShard(outcomes[shard]!.outcome, outcome, { shard, at: shard - first, length });
    }
  }

  async captured(): Promise<void> {
    const dy = this.#seed(this.#reference(this.#inputs).length);
    const pass = { inputs: this.#inputs, shards: undefined, dy };
    const [once, recorded] = [await this.#run(pass), await this.#runCaptured(pass)];
    [once.y, ...once.gradients].forEach((values, i) => {
      const again = [recorded.y, ...recorded.gradients][i];
      if (values && again)
        this.#expectSame(`${i === 0 ? 'y' : `gradient ${i - 1}`} in a captured program`, again, values);
    });
  }

  async passesNaN(): Promise<void> {
    const inputs = this.#inputs.map((values, i) => ({
      data: this.#array(i, values),
      shape: this.#shapes[i]!,
      hasGradient: this.#hasGradient(i),
    }));
    const lost = await findLostNaN(this.#device, {
      name: this.#op.name,
      call: (tensors) => this.#call(tensors),
      inputs,
      selects: this.#check.selects,
      isConstant: this.#check.constant,
    });
    if (lost.length > 0) throw new CheckError(`checkOp: ${lost.join('; ')}`);
  }

  async passesAll(): Promise<void> {
    const places = this.#inputs.flatMap((values, input) =>
      this.#isFloat(input) && values.length > 0 ? [NaN, Infinity, -Infinity].map((value) => ({ input, value })) : [],
    );
    await Promise.all(places.map((place) => this.#passes(place)));
  }

  async #passes({ input, value }: { input: number; value: number }): Promise<void> {
    const inputs = this.#inputs.map((one) => one.slice());
    inputs[input]![Math.floor(0.7 * inputs[input]!.length)] = value;
    const { y } = await this.#run({ inputs, shards: undefined, dy: new Float64Array(0) }, false);
    const expected = Array.from(this.#reference(inputs));
    // Which of them comes of infinities may differ, as ∞ · 0 and its limit do.
    const kind = (x: number): number => (Number.isFinite(x) ? 0 : Number.isNaN(value) && !Number.isNaN(x) ? 2 : 1);
    this.#expectSame(`what is finite with ${value} in input ${input}`, Array.from(y, kind), expected.map(kind));
    const finite = (x: number): number => (Number.isFinite(x) ? x : 0);
    this.#expectClose(`forward with ${value} in input ${input}`, Array.from(y, finite), expected.map(finite));
  }

  #reference(inputs: readonly Float64Array[]): ArrayLike<number> {
    const { reference } = this.#check;
    if (reference) return reference(inputs, this.#shapes, this.#options as Options);
    const own = this.#op.definition?.reference as NumberReference | undefined;
    if (!own) throw new CheckError(`checkOp: expected a reference of ${this.#op.name}, got none`);
    return elementwiseReference(own, inputs, this.#shapes);
  }

  #isShared(input: number): boolean {
    const { shared, words, tables } = this.#check;
    return Boolean(shared?.includes(input) || words?.[input] || tables?.[input]);
  }

  #isWhole(input: number): boolean {
    return Boolean(this.#check.integers?.[input] ?? this.#check.words?.[input]);
  }

  #isFloat(input: number): boolean {
    const { dtype = 'f32' } = this.#check;
    return !this.#isWhole(input) && !this.#check.tables?.[input] && (dtype === 'f32' || dtype === 'f16');
  }

  #hasGradient(input: number): boolean {
    return !this.#check.constant && this.#isFloat(input);
  }

  /** Noise made into what the input holds. */
  #input(input: number, values: Float64Array): Float64Array {
    const bound = this.#check.integers?.[input]?.(this.#shapes, this.#options as Options);
    if (bound !== undefined) return values.map((value) => Math.floor(((value + 2) / 4) * bound));
    const given = this.#check.words?.[input]?.(0) ?? this.#check.tables?.[input]?.(this.#shapes);
    const { dtype = 'f32', domain = (value: number) => value } = this.#check;
    if (given) return Float64Array.from(given);
    if (dtype === 'u32' || dtype === 'i32')
      return values.map((value) => Math.round(10 * (dtype === 'u32' ? value + 2 : value)));
    const rounded = dtype === 'f16' ? 2 ** 8 : 0;
    return Float64Array.from(Float32Array.from(values, (value) => domain(value, input))).map((value) =>
      rounded ? Math.round(value * rounded) / rounded : value,
    );
  }

  /** A shard's own elements of every input. */
  #ofShard(shard: number): Float64Array[] {
    return this.#inputs.map((values, i) => {
      if (this.#isShared(i) || shard === 0) return values;
      return this.#input(i, noise(values.length, i + 1 + 7 * shard));
    });
  }

  /** An input of a pass. */
  #sideBySide(
    input: number,
    alone: readonly (readonly Float64Array[])[],
    { first, length }: { first: number; length: number },
  ): Float64Array {
    const words = this.#check.words?.[input]?.(first);
    if (words) return Float64Array.from(words);
    if (this.#isShared(input)) return alone[0]![input]!;
    return Float64Array.from(alone.slice(first, first + length).flatMap((shard) => [...shard[input]!]));
  }

  #seed(size: number): Float64Array {
    return Float64Array.from(Float32Array.from(noise(size, 17)));
  }

  #array(input: number, values: Float64Array): TypedArray {
    if (this.#isWhole(input) || this.#check.dtype === 'u32') return Uint32Array.from(values);
    return this.#check.dtype === 'i32' ? Int32Array.from(values) : Float32Array.from(values);
  }

  #call(tensors: readonly Tensor[]): Tensor {
    const { dtype } = this.#check;
    const given =
      dtype === 'f16' ? tensors.map((tensor) => (tensor.dtype === 'f32' ? cast(tensor, 'f16') : tensor)) : tensors;
    return this.#options === undefined ? this.#op(...given) : this.#op(...given, this.#options);
  }

  #tensors({ inputs, shards }: Pass): Tensor[] {
    return inputs.map((values, i) => {
      const all = this.#isShared(i) ? undefined : shards;
      return this.#device.tensor(this.#array(i, values), this.#shapes[i]!, { shards: all });
    });
  }

  async #run(pass: Pass, withBackward = !this.#check.constant): Promise<Outcome> {
    const device = this.#device;
    const xs = this.#tensors(pass);
    const tensors = device.scope(() => this.#record(xs, pass, withBackward));
    const outcome = await this.#read(tensors);
    for (const tensor of [...xs, ...tensors]) tensor?.dispose();
    return outcome;
  }

  async #runCaptured(pass: Pass): Promise<Outcome> {
    const device = this.#device;
    const xs = this.#tensors(pass);
    const dy = device.tensor(Float32Array.from(pass.dy));
    const program = await device.capture(() => this.#record(xs, pass, !this.#check.constant, dy));
    await device.submit([program]);
    const outcome = await this.#read(program.result);
    program.dispose();
    for (const tensor of [...xs, dy]) tensor.dispose();
    return outcome;
  }

  /** The output, then the gradients that there are. */
  #record(xs: readonly Tensor[], pass: Pass, withBackward: boolean, dy?: Tensor): (Tensor | undefined)[] {
    const device = this.#device;
    if (!withBackward) return [cast32(this.#call(xs))];
    const wanted = xs.filter((_, i) => this.#hasGradient(i));
    const seed = (y: Tensor): Tensor =>
      dy ? device.view(dy, 0, y.shape) : device.tensor(Float32Array.from(pass.dy), y.shape, { shards: y.shards });
    const { loss, gradients } = withGradients(device, () => cast32(this.#call(xs)), { wanted, seed });
    return [loss, ...xs.map((x) => gradients[wanted.indexOf(x)])];
  }

  async #read([y, ...gradients]: readonly (Tensor | undefined)[]): Promise<Outcome> {
    const there = [y!, ...gradients].filter((tensor) => tensor !== undefined);
    const read = await this.#device.read<TypedArray>(there);
    const valuesOf = (tensor: Tensor | undefined): TypedArray | undefined =>
      tensor ? read[there.indexOf(tensor)] : undefined;
    return { y: valuesOf(y)!, gradients: gradients.map(valuesOf) };
  }

  #expectSameShard(
    alone: Outcome,
    among: Outcome,
    { shard, at, length }: { shard: number; at: number; length: number },
  ): void {
    const compare = (what: string, one: TypedArray | undefined, all: TypedArray | undefined): void => {
      if (!one || !all) return;
      const part = all.length === one.length && length > 1 ? all : all.subarray(at * one.length, (at + 1) * one.length);
      this.#expectSame(`${what} of shard ${shard} in a pass of ${length}`, part, one);
    };
    compare('y', alone.y, among.y);
    alone.gradients.forEach((gradient, i) => compare(`gradient ${i}`, gradient, among.gradients[i]));
  }

  #expectClose(what: string, got: ArrayLike<number>, expected: ArrayLike<number>): void {
    const { error, at } = difference(got, expected);
    if (!(error < this.#tolerance))
      throw this.#wrong(
        `${what} within ${this.#tolerance} of the definition`,
        `an error of ${error} in element ${at}: ${got[at]} for ${expected[at]}`,
      );
  }

  #expectSame(what: string, got: ArrayLike<number>, expected: ArrayLike<number>): void {
    const at = firstDifference(got, expected);
    if (at !== undefined)
      throw this.#wrong(`the same bits of ${what}`, `${got[at]} for ${expected[at]} in element ${at}`);
  }

  #wrong(rule: string, got: string): CheckError {
    const shapes = this.#shapes.map((shape) => `[${shape.join(', ')}]`).join(', ');
    const options = this.#options === undefined ? '' : ` ${JSON.stringify(this.#options)}`;
    return new CheckError(`${this.#op.name} of ${shapes}${options}: expected ${rule}, got ${got}`);
  }

  /** Central difference of <dy, op(inputs)> along a direction of one input. */
  #slope(index: number, direction: Float64Array, dy: Float64Array): number {
    const epsilon = 1e-5;
    const at = (sign: number): number => {
      const inputs = this.#inputs.map((values, i) =>
        i === index ? values.map((value, j) => value + sign * epsilon * direction[j]!) : values,
      );
      return Array.from(this.#reference(inputs)).reduce((sum, value, j) => sum + value * dy[j]!, 0);
    };
    return (at(1) - at(-1)) / (2 * epsilon);
  }
}

/** Halves are compared as f32. */
const cast32 = (y: Tensor): Tensor => (y.dtype === 'f16' ? cast(y, 'f32') : y);
