// One op on one sample: what it gives, and what it should.
import { withGradients } from '../autograd/differentiate.ts';
import { findLostNaN } from '../autograd/nan-check.ts';
import type { Device } from '../device/device.ts';
import type { TypedArray } from '../dtype.ts';
import { cast } from '../ops/cast.ts';
import type { Shape } from '../shape.ts';
import { sizeOf } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { CheckError, difference, firstDifference, worst } from './difference.ts';
import { noise } from './noise.ts';
import type { CheckableOp, OpCheck, OpSample } from './op-check.ts';
import { elementwiseReference, type NumberReference } from './reference.ts';

/** One run of an op over some shards. */
interface Pass {
  /** The elements of all shards of each input, or those that serve all. */
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

export class Judge<Options> {
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
