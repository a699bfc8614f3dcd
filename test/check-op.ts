// Every op is judged the same way: forward against its definition in f64, backward against the slope of that
// definition along a random direction, and each shard's output and gradient in a pass of several against the shard alone.
import { type AnyOp, findLostNaN, sizeOf, type Shape, type Tensor } from '@lockstep/tensor';
import { describe, expect, test } from 'vitest';
import { device, families, withFamilies } from './gpu.ts';

type Arrays = readonly Float64Array[];

export interface OpCheck<Options> {
  /** Input shapes, and options where the op takes some; an option `shards` follows the number of shards in the pass. */
  readonly samples: readonly { readonly shapes: readonly Shape[]; readonly options?: Options }[];
  /** The definition: output from inputs, in f64 on plain arrays. */
  reference(inputs: Arrays, shapes: readonly Shape[], options: Options): Float64Array;
  /** Inputs without rows: each shard gives a gradient of its own for them. */
  readonly weights?: readonly number[];
  /** Inputs that are integers below the bound: tokens, targets. They have no gradient. */
  readonly integers?: Readonly<Record<number, (shapes: readonly Shape[]) => number>>;
  /** Inputs given word by word, for a pass that begins at a shard: seeds and counters. They have no rows and no gradient. */
  readonly words?: Readonly<Record<number, (firstShard: number) => readonly number[]>>;
  /** Inputs given as they are: tables of numbers. They have no rows and no gradient. */
  readonly tables?: Readonly<Record<number, (shapes: readonly Shape[]) => Float64Array>>;
  /** Whether backward follows the places of elements and not their values, as that of a maximum does. */
  readonly selects?: boolean;
  /** Largest error, relative to the largest magnitude of what is compared. */
  readonly tolerance?: number;
}

/** The ops that have been checked, for the test that none is missing. */
export const checked: Set<AnyOp> = new Set();

/** Well spread numbers in (-2, 2), the same on every run. */
export function noise(size: number, seed: number): Float64Array {
  return Float64Array.from(
    { length: size },
    (_, i) => 4 * ((((i + 1) * 0.6180339887498949 + seed * 0.7548776662466927 + ((i * i) % 97) / 97) % 1) - 0.5),
  );
}

const worst = (values: ArrayLike<number>): number =>
  Array.from(values).reduce((most, value) => Math.max(most, Math.abs(value)), 0);

/** Largest difference, relative to the largest magnitude expected; NaN counts as infinite. */
export function difference(got: ArrayLike<number>, expected: ArrayLike<number>): number {
  const errors = Array.from(expected, (value, i) => (Number.isNaN(got[i]) ? Infinity : got[i]! - value));
  return got.length === expected.length ? worst(errors) / Math.max(1, worst(expected)) : Infinity;
}

export function checkOp<Options>(op: OpWith<Options>, check: OpCheck<Options>): void {
  const erased = op as unknown as AnyOp;
  checked.add(erased);
  const largest = largestWithin(20_000, check.samples);
  const cases = check.samples.flatMap((sample) =>
    families.map(([family, choice]) => ({
      ...sample,
      family,
      choice,
      title: title(sample),
      judgesNaN: sample === largest,
    })),
  );
  describe.each(cases)(`${erased.name} $title ($family)`, ({ shapes, options, choice, judgesNaN }) => {
    const judged = new JudgedOp(erased, check as OpCheck<unknown>, shapes, options);
    test('forward is the definition', () => withFamilies(choice, () => judged.forward()));
    test('backward is the slope', () => withFamilies(choice, () => judged.backward()));
    test('a shard has the same bits alone and among others', () => withFamilies(choice, () => judged.shards()));
    if (!judgesNaN) return;
    test('NaN reaches all that depends on it, and nothing else', () => withFamilies(choice, () => judged.passesNaN()));
    test('NaN and infinities give what the definition gives', () => withFamilies(choice, () => judged.passesAll()));
  });
}

/** The sample with the most elements that is not too slow: in small ones a row may be all that it depends on. */
function largestWithin<Sample extends { readonly shapes: readonly Shape[] }>(
  elements: number,
  samples: readonly Sample[],
): Sample | undefined {
  const sizeOfAll = ({ shapes }: Sample): number => shapes.reduce((sum, shape) => sum + sizeOf(shape), 0);
  const fitting = samples.filter((sample) => sizeOfAll(sample) <= elements);
  return fitting.toSorted((a, b) => sizeOfAll(b) - sizeOfAll(a))[0];
}

type OpWith<Options> = {
  readonly name: string;
  backward(device: never, context: never, options: Options): unknown;
};

const title = ({ shapes, options }: { shapes: readonly Shape[]; options?: unknown }): string =>
  `${shapes.map((shape) => shape.join('×') || 'scalar').join(', ')}${options === undefined ? '' : ` ${JSON.stringify(options)}`}`;

/** A shard's part of what all shards gave; the whole of it, where it has no rows. */
const share = <Values extends Float32Array | Float64Array>(all: Values, size: number, shard: number): Values =>
  (all.length > size ? all.slice(shard * size, (shard + 1) * size) : all) as Values;

/** `toEqual` says the same, in seconds. */
function expectSameBits(got: Float32Array, expected: Float32Array): void {
  expect(got.length).toBe(expected.length);
  expect(
    got.findIndex((value, i) => !Object.is(value, expected[i])),
    'first element that differs',
  ).toBe(-1);
}

/** One run of an op, forward and backward, over some shards. */
interface Pass {
  readonly inputs: Arrays;
  readonly shapes: readonly Shape[];
  readonly shards: number;
  readonly dy: Float64Array;
}

class JudgedOp {
  readonly #op: AnyOp;
  readonly #check: OpCheck<unknown>;
  readonly #shapes: readonly Shape[];
  readonly #options: unknown;
  readonly #inputs: Arrays;
  readonly #tolerance: number;

  constructor(op: AnyOp, check: OpCheck<unknown>, shapes: readonly Shape[], options: unknown) {
    this.#op = op;
    this.#check = check;
    this.#shapes = shapes;
    this.#options = options;
    this.#tolerance = check.tolerance ?? 2e-5;
    this.#inputs = shapes.map((shape, i) => this.#input(i, noise(sizeOf(shape), i + 1)));
  }

  async forward(): Promise<void> {
    const y = device.scope(() => this.#run({ inputs: this.#inputs, shapes: this.#shapes, shards: 1 }).y);
    const expected = this.#check.reference(this.#inputs, this.#shapes, this.#options);
    expect(difference(await y.read(), expected)).toBeLessThan(this.#tolerance);
    y.dispose();
  }

  async backward(): Promise<void> {
    const dy = this.#outputGradient(this.#shapes, 1);
    const { gradients } = await this.#pass({ inputs: this.#inputs, shapes: this.#shapes, shards: 1, dy });
    for (const [i, gradient] of gradients.entries()) {
      if (!gradient) continue;
      const direction = noise(gradient.length, 31 + i);
      const slope = this.#slope(i, direction, dy);
      const scale = Math.max(1, Math.abs(slope), worst(gradient) * Math.sqrt(gradient.length));
      const along = gradient.reduce((sum, value, j) => sum + value * direction[j]!, 0);
      expect(Math.abs(along - slope) / scale, `input ${i}: ${along} against ${slope}`).toBeLessThan(
        10 * this.#tolerance,
      );
    }
  }

  /** The sample's rows repeated for three more shards with other values: each must give what it gives alone. */
  async shards(): Promise<void> {
    const count = 4;
    if (this.#shapes.some((shape, i) => this.#hasRows(i) && shape.length === 0)) return;
    const alone = Array.from({ length: count }, (_, shard) =>
      this.#inputs.map((values, i) => this.#ofShard(i, values, shard)),
    );
    const inputs = this.#inputs.map((values, i) =>
      this.#hasRows(i) ? Float64Array.from(alone.flatMap((shard) => [...shard[i]!])) : values,
    );
    const shapes = this.#shapes.map((shape, i) => (this.#hasRows(i) ? [count * shape[0]!, ...shape.slice(1)] : shape));
    const dy = this.#outputGradient(shapes, count);
    const all = await this.#pass({ inputs, shapes, shards: count, dy });
    for (const [shard, own] of alone.entries()) {
      const size = sizeOf(this.#op.shape(this.#shapes, this.#options));
      const one = await this.#pass({ inputs: own, shapes: this.#shapes, shards: 1, dy: share(dy, size, shard) });
      // What has no rows, a loss, is the sum over shards.
      if (all.y.length > size) expectSameBits(share(all.y, size, shard), one.y);
      one.gradients.forEach(
        (gradient, i) => gradient && expectSameBits(share(all.gradients[i]!, gradient.length, shard), gradient),
      );
    }
  }

  async passesNaN(): Promise<void> {
    const inputs = this.#inputs.map((values, i) => ({
      data: this.#isWhole(i) ? Uint32Array.from(values) : Float32Array.from(values),
      shape: this.#shapes[i]!,
      hasGradient: this.#hasGradient(i),
    }));
    const { selects } = this.#check;
    expect(await findLostNaN(device, { op: this.#op, inputs, options: this.#options, selects })).toEqual([]);
  }

  async passesAll(): Promise<void> {
    const places = this.#inputs.flatMap((_, input) =>
      this.#hasGradient(input) ? [NaN, Infinity, -Infinity].map((value) => ({ input, value })) : [],
    );
    await Promise.all(places.map((place) => this.#passes(place)));
  }

  async #passes({ input, value }: { input: number; value: number }): Promise<void> {
    const inputs = this.#inputs.map((one) => one.slice());
    inputs[input]![Math.floor(0.7 * inputs[input]!.length)] = value;
    const y = device.scope(() => this.#run({ inputs, shapes: this.#shapes, shards: 1 }).y);
    const got = await y.read();
    y.dispose();
    const expected = this.#check.reference(inputs, this.#shapes, this.#options);
    // Which of them comes of infinities may differ, as ∞ · 0 and its limit do.
    const kind = (x: number): number => (Number.isFinite(x) ? 0 : Number.isNaN(value) && !Number.isNaN(x) ? 2 : 1);
    expectSameBits(got.map(kind), Float32Array.from(expected, kind));
    const finite = (x: number): number => (Number.isFinite(x) ? x : 0);
    expect(difference(got.map(finite), expected.map(finite)), `${value} in input ${input}`).toBeLessThan(
      this.#tolerance,
    );
  }

  #hasRows(input: number): boolean {
    const { weights, words, tables } = this.#check;
    return !weights?.includes(input) && !words?.[input] && !tables?.[input];
  }

  #isWhole(input: number): boolean {
    return Boolean(this.#check.integers?.[input] ?? this.#check.words?.[input]);
  }

  #hasGradient(input: number): boolean {
    return !this.#isWhole(input) && !this.#check.tables?.[input];
  }

  /** Noise made into what the input holds. */
  #input(input: number, values: Float64Array): Float64Array {
    const bound = this.#check.integers?.[input]?.(this.#shapes);
    if (bound !== undefined) return values.map((value) => Math.floor(((value + 2) / 4) * bound));
    const given = this.#check.words?.[input]?.(0) ?? this.#check.tables?.[input]?.(this.#shapes);
    return Float64Array.from(given ?? Float32Array.from(values));
  }

  /** Another shard's values for an input with rows. */
  #ofShard(input: number, values: Float64Array, shard: number): Float64Array {
    const words = this.#check.words?.[input]?.(shard);
    if (words) return Float64Array.from(words);
    if (!this.#hasRows(input)) return values;
    return this.#hasGradient(input) ? values.map((value) => value * (1 - shard / 8)) : values.toReversed();
  }

  #optionsFor(shards: number): unknown {
    const options = this.#options as { shards?: number } | undefined;
    return options?.shards === undefined ? options : { ...options, shards };
  }

  #outputGradient(shapes: readonly Shape[], shards: number): Float64Array {
    return Float64Array.from(Float32Array.from(noise(sizeOf(this.#op.shape(shapes, this.#optionsFor(shards))), 17)));
  }

  #tensors(inputs: Arrays, shapes: readonly Shape[]): Tensor[] {
    return inputs.map((values, i) => {
      const tensor = device.tensor(this.#isWhole(i) ? Uint32Array.from(values) : Float32Array.from(values), shapes[i]!);
      tensor.tracked = this.#hasGradient(i);
      return tensor;
    });
  }

  #run({ inputs, shapes, shards }: Omit<Pass, 'dy'>): { xs: Tensor[]; y: Tensor; saved: readonly Tensor[] } {
    const xs = this.#tensors(inputs, shapes);
    const y = device.empty(this.#op.shape(shapes, this.#optionsFor(shards)));
    y.tracked = true;
    return { xs, y, saved: this.#op.forward(device, xs, y, this.#optionsFor(shards)) ?? [] };
  }

  async #pass(pass: Pass): Promise<{ y: Float32Array; gradients: (Float32Array | undefined)[] }> {
    const tensors = device.scope(() => {
      const { xs, y, saved } = this.#run(pass);
      const dy = device.tensor(Float32Array.from(pass.dy), y.shape);
      const context = { inputs: xs, y, saved, dy, needs: xs.map(({ tracked }) => tracked), shards: pass.shards };
      return { y, gradients: this.#op.backward(device, context, this.#optionsFor(pass.shards)) };
    });
    const wanted = tensors.gradients.map((gradient, i) => (this.#hasGradient(i) ? gradient : undefined));
    const read = {
      y: await tensors.y.read(),
      gradients: await Promise.all(wanted.map(async (gradient) => gradient?.read())),
    };
    for (const tensor of [tensors.y, ...tensors.gradients]) tensor?.dispose();
    return read;
  }

  /** Central difference of <dy, op(inputs)> along a direction of one input. */
  #slope(index: number, direction: Float64Array, dy: Float64Array): number {
    const epsilon = 1e-5;
    const at = (sign: number): number => {
      const inputs = this.#inputs.map((values, i) =>
        i === index ? values.map((value, j) => value + sign * epsilon * direction[j]!) : values,
      );
      return this.#check
        .reference(inputs, this.#shapes, this.#options)
        .reduce((sum, value, j) => sum + value * dy[j]!, 0);
    };
    return (at(1) - at(-1)) / (2 * epsilon);
  }
}
