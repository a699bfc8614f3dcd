// One differentiable operation: everything the framework knows about it is in one object.
import type { Device } from './device.ts';
import type { Shape } from './shape.ts';
import type { Tensor } from './tensor.ts';

/** What an op's backward is given. */
export interface Backward<Inputs extends readonly Tensor[] = readonly Tensor[]> {
  readonly inputs: Inputs;
  /** The output of forward. */
  readonly y: Tensor;
  /** What forward returned. */
  readonly saved: readonly Tensor[];
  /** Gradient of the loss with respect to `y`. */
  readonly dy: Tensor;
  /** For each input, whether its gradient is wanted. */
  readonly needs: readonly boolean[];
  /**
   * Shards in this pass; the rows of activations are grouped by shard. The gradient of an input without rows (a
   * weight) is returned for each shard by itself, as (shards, …shape): the tape adds them along the canonical tree.
   */
  readonly shards: number;
}

/** An op whose types have been forgotten, as the tape sees it. */
export type AnyOp = OpDefinition<readonly Tensor[], unknown>;

export interface OpDefinition<Inputs extends readonly Tensor[], Options> {
  readonly name: string;
  /** Number of tensor arguments. */
  readonly arity: number;
  /** Output shape. @throws {ShapeError} naming the op, the rule and the shapes. */
  shape(shapes: { readonly [I in keyof Inputs]: Shape }, options: Options): Shape;
  /** Dispatches kernels that fill `y`. Returns what backward needs beyond inputs and output. */
  forward(device: Device, inputs: Inputs, y: Tensor, options: Options): readonly Tensor[] | void;
  /** Gradient of each input, in order. */
  backward(device: Device, context: Backward<Inputs>, options: Options): readonly (Tensor | undefined)[];
}

/** An op is called with its inputs, then its options. */
export type Op<Inputs extends readonly Tensor[], Options = void> = OpDefinition<Inputs, Options> &
  ((...args: Options extends void ? Inputs : [...Inputs, options: Options]) => Tensor);

/** Makes a definition callable: a call allocates the output, runs forward and tells the tape. */
export function defineOp<Inputs extends readonly Tensor[], Options = void>(
  definition: OpDefinition<Inputs, Options>,
): Op<Inputs, Options> {
  const call = (...args: readonly unknown[]): Tensor => {
    const inputs = args.slice(0, definition.arity) as unknown as Inputs;
    return apply(definition, inputs, args[definition.arity] as Options);
  };
  // A function's own name is read-only, but may be redefined.
  Object.defineProperty(call, 'name', { value: definition.name });
  const { name: _, ...rest } = definition;
  return Object.assign(call, rest) as unknown as Op<Inputs, Options>;
}

function apply<Inputs extends readonly Tensor[], Options>(
  definition: OpDefinition<Inputs, Options>,
  inputs: Inputs,
  options: Options,
): Tensor {
  const { device } = inputs[0]!;
  const shapes = inputs.map(({ shape }) => shape) as unknown as { readonly [I in keyof Inputs]: Shape };
  const y = device.empty(definition.shape(shapes, options));
  y.tracked = device.tape !== undefined && inputs.some(({ tracked }) => tracked);
  const saved = definition.forward(device, inputs, y, options) ?? [];
  if (y.tracked) device.tape!.record({ definition: definition as unknown as AnyOp, inputs, options, y, saved });
  return y;
}
