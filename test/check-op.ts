// Every op is judged the same way: forward against its definition in f64, backward against the slope of that
// definition along a random direction, and each shard's gradient in a pass of several against the shard alone.
import { type AnyOp, sizeOf, type Shape, type Tensor } from '@lockstep/tensor';
import { describe, expect, test } from 'vitest';
import { device, families, withFamilies } from './gpu.ts';

type Arrays = readonly Float64Array[];

export interface OpCheck<Options> {
  /** Input shapes, and options where the op takes some. */
  readonly samples: readonly { readonly shapes: readonly Shape[]; readonly options?: Options }[];
  /** The definition: output from inputs, in f64 on plain arrays. */
  reference(inputs: Arrays, shapes: readonly Shape[], options: Options): Float64Array;
  /** Inputs without rows: each shard gives a gradient of its own for them. */
  readonly weights?: readonly number[];
  /** Inputs that are integers below the bound: tokens, targets. They have no gradient. */
  readonly integers?: Readonly<Record<number, (shapes: readonly Shape[]) => number>>;
  /** Largest error, relative to the largest magnitude of what is compared. */
  readonly tolerance?: number;
}

/** The ops that have been checked, for the test that none is missing. */
export const checked: Set<AnyOp> = new Set();

/** Well spread numbers in (-2, 2), the same on every run. */
export function noise(size: number, seed: number): Float64Array {
  return Float64Array.from({ length: size }, (_, i) => 4 * ((((i + 1) * 0.6180339887498949 + seed * 0.7548776662466927 + ((i * i) % 97) / 97) % 1) - 0.5));
}

const worst = (values: ArrayLike<number>): number => Array.from(values).reduce((most, value) => Math.max(most, Math.abs(value)), 0);

/** Largest difference, relative to the largest magnitude expected; NaN counts as infinite. */
export function difference(got: ArrayLike<number>, expected: ArrayLike<number>): number {
  const errors = Array.from(expected, (value, i) => (Number.isNaN(got[i]) ? Infinity : got[i]! - value));
  return got.length === expected.length ? worst(errors) / Math.max(1, worst(expected)) : Infinity;
}

export function checkOp<Inputs extends readonly Tensor[], Options>(op: AnyOpOf<Inputs, Options>, check: OpCheck<Options>): void {
  const erased = op as unknown as AnyOp;
  checked.add(erased);
  const cases = check.samples.flatMap((sample) => families.map(([family, choice]) => ({ ...sample, family, choice, title: title(sample) })));
  describe.each(cases)(`${erased.name} $title ($family)`, ({ shapes, options, choice }) => {
    const judged = new JudgedOp(erased, check as OpCheck<unknown>, shapes, options);
    test('forward is the definition', () => withFamilies(choice, () => judged.forward()));
    test('backward is the slope', () => withFamilies(choice, () => judged.backward()));
    test('a shard has the same bits alone and among others', () => withFamilies(choice, () => judged.shards()));
  });
}

type AnyOpOf<Inputs extends readonly Tensor[], Options> = {
  readonly name: string;
  backward(device: never, context: { readonly inputs: Inputs } & never, options: Options): unknown;
};

const title = ({ shapes, options }: { shapes: readonly Shape[]; options?: unknown }): string =>
  `${shapes.map((shape) => shape.join('×') || 'scalar').join(', ')}${options === undefined ? '' : ` ${JSON.stringify(options)}`}`;

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
    this.#inputs = shapes.map((shape, i) => {
      const bound = check.integers?.[i]?.(shapes);
      const values = noise(sizeOf(shape), i + 1);
      return bound === undefined ? Float64Array.from(Float32Array.from(values)) : values.map((value) => Math.floor(((value + 2) / 4) * bound));
    });
  }

  async forward(): Promise<void> {
    const y = device.scope(() => this.#run(this.#inputs, this.#shapes).y);
    const expected = this.#check.reference(this.#inputs, this.#shapes, this.#options);
    expect(difference(await y.read(), expected)).toBeLessThan(this.#tolerance);
    y.dispose();
  }

  async backward(): Promise<void> {
    const { gradients, dy } = await this.#gradients(this.#inputs, this.#shapes, 1);
    for (const [i, gradient] of gradients.entries()) {
      if (!gradient) continue;
      const direction = noise(gradient.length, 31 + i);
      const slope = this.#slope(i, direction, dy);
      const scale = Math.max(1, Math.abs(slope), worst(gradient) * Math.sqrt(gradient.length));
      const along = gradient.reduce((sum, value, j) => sum + value * direction[j]!, 0);
      expect(Math.abs(along - slope) / scale, `input ${i}: ${along} against ${slope}`).toBeLessThan(10 * this.#tolerance);
    }
  }

  /** The sample's rows repeated for three more shards with other values: each must give what it gives alone. */
  async shards(): Promise<void> {
    const count = 4;
    const weight = (i: number): boolean => this.#check.weights?.includes(i) ?? false;
    const alone = Array.from({ length: count }, (_, shard) =>
      this.#inputs.map((values, i) => (weight(i) ? values : this.#check.integers?.[i] ? values.toReversed() : values.map((value) => value * (1 - shard / 8)))),
    );
    const together = this.#inputs.map((values, i) => (weight(i) ? values : Float64Array.from(alone.flatMap((inputs) => [...inputs[i]!]))));
    const shapes = this.#shapes.map((shape, i) => (weight(i) ? shape : [count * shape[0]!, ...shape.slice(1)]));
    if (this.#shapes.some((shape, i) => !weight(i) && shape.length === 0)) return;
    const all = await this.#gradients(together, shapes, count);
    for (const [shard, inputs] of alone.entries()) {
      const one = await this.#gradients(inputs, this.#shapes, 1, all.dy, shard);
      one.gradients.forEach((gradient, i) => {
        if (gradient) expect(all.gradients[i]!.slice(shard * gradient.length, (shard + 1) * gradient.length)).toEqual(gradient);
      });
    }
  }

  #tensors(inputs: Arrays, shapes: readonly Shape[]): Tensor[] {
    return inputs.map((values, i) => {
      const tensor = device.tensor(this.#check.integers?.[i] ? Uint32Array.from(values) : Float32Array.from(values), shapes[i]!);
      tensor.tracked = !this.#check.integers?.[i];
      return tensor;
    });
  }

  #run(inputs: Arrays, shapes: readonly Shape[]): { xs: Tensor[]; y: Tensor; saved: readonly Tensor[] } {
    const xs = this.#tensors(inputs, shapes);
    const y = device.empty(this.#op.shape(shapes, this.#options));
    y.tracked = true;
    return { xs, y, saved: this.#op.forward(device, xs, y, this.#options) ?? [] };
  }

  async #gradients(
    inputs: Arrays,
    shapes: readonly Shape[],
    shards: number,
    whole?: Float64Array,
    shard = 0,
  ): Promise<{ gradients: (Float32Array | undefined)[]; dy: Float64Array }> {
    const size = sizeOf(this.#op.shape(shapes, this.#options));
    const dy = whole ? whole.slice(shard * size, (shard + 1) * size) : Float64Array.from(Float32Array.from(noise(size, 17)));
    const found = device.scope(() => {
      const { xs, y, saved } = this.#run(inputs, shapes);
      const needs = xs.map(({ tracked }) => tracked);
      return this.#op.backward(
        device,
        { inputs: xs, y, saved, dy: device.tensor(Float32Array.from(dy), y.shape), needs, shards },
        this.#options,
      );
    });
    const gradients = await Promise.all(found.map((tensor, i) => (this.#check.integers?.[i] ? undefined : tensor?.read())));
    for (const tensor of found) tensor?.dispose();
    return { gradients, dy };
  }

  /** Central difference of <dy, op(inputs)> along a direction of one input. */
  #slope(index: number, direction: Float64Array, dy: Float64Array): number {
    const epsilon = 1e-5;
    const at = (sign: number): number => {
      const inputs = this.#inputs.map((values, i) => (i === index ? values.map((value, j) => value + sign * epsilon * direction[j]!) : values));
      return this.#check.reference(inputs, this.#shapes, this.#options).reduce((sum, value, j) => sum + value * dy[j]!, 0);
    };
    return (at(1) - at(-1)) / (2 * epsilon);
  }
}
