// Functions of numbers as ops: one WGSL expression, and a derivative written in ops. Chains of them become one kernel.
import { type DType, isFloat, promoted } from '../dtype.ts';
import { DeviceError, ShapeError } from '@lockstep/errors';
import type { Piece, ScalarFunction } from '../fuse/scalar-function.ts';
import type { Constant } from '../graph/node.ts';
import { compute, type Recorder, recorderOf, shardsOf } from '../graph/recorder.ts';
import { broadcastTo } from '../ops/broadcast-to.ts';
import { cast } from '../ops/cast.ts';
import { broadcastShapes } from '../shape.ts';
import { Tensor } from '../tensor.ts';

/** A tensor, or a number that is the same everywhere. */
export type Operand = Tensor | number;

export interface ElementwiseContext {
  /** As the op was given them, of one type; those that were broadcast are as large as `y`. */
  readonly inputs: readonly Operand[];
  readonly y: Tensor;
  readonly dy: Tensor;
  readonly needs: readonly boolean[];
}

export interface ElementwiseDefinition<Inputs extends readonly Operand[]> {
  readonly name: string;
  /** An expression in WGSL of `a`, `b`, … for the inputs, or one for each type that they may have. */
  readonly wgsl: string | ((dtype: DType) => string);
  /** Shared pieces of WGSL that the expression calls. */
  readonly uses?: readonly Piece[];
  /** Types that inputs may have: `float`, unless given, turns integers into f32 first. */
  readonly takes?: 'float' | 'number';
  /** Whether the result is 1 for true and 0 for false, of u32. */
  readonly isTruth?: boolean;
  /** Inputs that are true or false: of u32, whatever type the others have. */
  readonly truths?: readonly number[];
  /** Gradients of the inputs, written in ops, 0 for one that is zero everywhere; those of numbers are not asked for. Without it there is none. */
  gradient?(context: ElementwiseContext): readonly (Tensor | 0 | undefined)[];
  /** The definition in f64. */
  readonly reference: (...inputs: { [I in keyof Inputs]: number }) => number;
}

/** An elementwise op is called with tensors or numbers, at least one of them a tensor. */
export type ElementwiseOp<Inputs extends readonly Operand[]> = ((...inputs: Inputs) => Tensor) & {
  readonly definition: ElementwiseDefinition<Inputs>;
};

/**
 * Makes a function of numbers an op. Inputs are broadcast as in NumPy; integers meet floats as floats.
 *
 * ```ts
 * const squash = defineElementwise<[x: Operand]>({
 *   name: 'squash',
 *   wgsl: 'a / (1.0 + abs(a))',
 *   gradient: ({ inputs: [x], dy }) => [div(dy, square(add(1, abs(x!))))],
 *   reference: (x) => x / (1 + Math.abs(x)),
 * });
 * ```
 */
export function defineElementwise<Inputs extends readonly Operand[]>(
  definition: ElementwiseDefinition<Inputs>,
): ElementwiseOp<Inputs> {
  const scalar = scalarFunction(definition as ElementwiseDefinition<readonly Operand[]>);
  const call = (...inputs: Inputs): Tensor =>
    record(definition as ElementwiseDefinition<readonly Operand[]>, scalar, inputs);
  Object.defineProperty(call, 'name', { value: definition.name });
  return Object.assign(call, { definition });
}

function scalarFunction(definition: ElementwiseDefinition<readonly Operand[]>): ScalarFunction {
  const { name, wgsl, uses = [], isTruth = false, truths = [] } = definition;
  const typeOf = (inputs: readonly DType[]): DType => inputs.find((_, i) => !truths.includes(i)) ?? 'f32';
  const expression = (inputs: readonly DType[]): string => (typeof wgsl === 'string' ? wgsl : wgsl(typeOf(inputs)));
  return {
    name,
    uses,
    wgsl: (inputs) => (isTruth ? `u32(${expression(inputs)})` : expression(inputs)),
    dtype: (inputs) => (isTruth ? 'u32' : typeOf(inputs)),
  };
}

function record(
  definition: ElementwiseDefinition<readonly Operand[]>,
  scalar: ScalarFunction,
  operands: readonly Operand[],
): Tensor {
  const { name } = definition;
  const tensors = operands.filter((operand) => operand instanceof Tensor);
  if (tensors.length === 0) throw new ShapeError(`${name}: expected a tensor among its inputs, got numbers only`);
  const recorder = recorderOf(name, tensors);
  const dtype = meetingType(definition, operands);
  const shape = broadcastShapes(
    name,
    tensors.map((tensor) => tensor.shape),
  );
  const typeAt = (i: number): DType => (definition.truths?.includes(i) ? 'u32' : dtype);
  const inputs = operands.map((operand, i) =>
    operand instanceof Tensor ? broadcastTo(cast(operand, typeAt(i)), shape) : operand,
  );
  return computeOf(definition, scalar, { recorder, inputs, dtype, shape, shards: shardsOf(name, tensors) });
}

interface Prepared {
  readonly recorder: Recorder;
  readonly inputs: readonly Operand[];
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly shards: number | undefined;
}

function computeOf(
  definition: ElementwiseDefinition<readonly Operand[]>,
  scalar: ScalarFunction,
  { recorder, inputs, dtype, shape, shards }: Prepared,
): Tensor {
  const { name } = definition;
  const typeAt = (i: number): DType => (definition.truths?.includes(i) ? 'u32' : dtype);
  const constants = inputs.map((input, i): Tensor | Constant =>
    input instanceof Tensor ? input : { value: input, dtype: typeAt(i) },
  );
  const tensors = inputs.filter((input) => input instanceof Tensor);
  const y: Tensor = compute(recorder, {
    name,
    form: { shape, dtype: definition.isTruth ? 'u32' : dtype, shards },
    node: { kind: 'elementwise', function: scalar, inputs: constants },
    inputs: tensors,
    gradient: (dy, needs) => {
      if (!definition.gradient)
        throw new DeviceError(
          `${name}: expected no gradient to be asked for, as it has none\nhint: \`detach\` its inputs`,
        );
      const wanted = inputs.map((input) => input instanceof Tensor && needs[tensors.indexOf(input)]!);
      const gradients = definition.gradient({ inputs, y, dy, needs: wanted });
      return gradients.filter((_, i) => inputs[i] instanceof Tensor);
    },
  });
  if (definition.isTruth) y.tracked = false;
  return y;
}

/** The type in which the inputs are computed with. */
function meetingType(
  { takes = 'float', truths = [] }: ElementwiseDefinition<readonly Operand[]>,
  all: readonly Operand[],
): DType {
  const operands = all.filter((_, i) => !truths.includes(i));
  const types = operands.filter((operand) => operand instanceof Tensor).map(({ dtype }) => dtype);
  const dtype = types.length > 0 ? types.reduce(promoted) : 'f32';
  const isFraction = operands.some((operand) => typeof operand === 'number' && !Number.isInteger(operand));
  if (isFloat(dtype) || (takes === 'number' && !isFraction)) return dtype;
  return 'f32';
}
