// An op that brings kernels of its own, and their derivative. What can be composed of other ops needs none of this: its derivative
// follows from theirs.
import type { Dispatcher } from '../device/dispatcher.ts';
import { alignment } from '../device/memory.ts';
import { bytesPerElement, type DType } from '../dtype.ts';
import { ShapeError } from '@lockstep/errors';
import type { KernelNode } from '../graph/node.ts';
import { type Recorder, recorderOf, shardsOf, track } from '../graph/recorder.ts';
import type { Shape } from '../shape.ts';
import { Tensor } from '../tensor.ts';

/** What an op's backward is given: everything of one shard, or of all side by side for an op that takes shards together. */
export interface Backward<Inputs extends readonly Tensor[] = readonly Tensor[]> {
  readonly inputs: Inputs;
  /** The output of forward. */
  readonly y: Tensor;
  /** What forward has saved. */
  readonly saved: readonly Tensor[];
  /** Gradient of the loss with respect to `y`. */
  readonly dy: Tensor;
  /** For each input, whether its gradient is wanted. */
  readonly needs: readonly boolean[];
  /** Where the gradient of an input is to be written; only for those that are wanted. */
  readonly gradient: (input: number) => Tensor;
}

/** What a derivative written in ops is made of. */
export type Differentiated<Inputs extends readonly Tensor[] = readonly Tensor[]> = Omit<Backward<Inputs>, 'gradient'>;

/** What an op saves for its own backward. */
export interface Saved {
  readonly shape: Shape;
  readonly dtype?: DType;
}

export interface OpDefinition<Inputs extends readonly Tensor[], Options> {
  readonly name: string;
  /** Output shape, of one shard as all shapes. @throws {ShapeError} naming the op, the rule and the shapes. */
  shape(shapes: { readonly [I in keyof Inputs]: Shape }, options: Options): Shape;
  /** Output type; the first input's unless given. @throws {ShapeError} for types that it cannot take. */
  dtype?(dtypes: readonly DType[], options: Options): DType;
  /** What forward leaves for backward beside inputs and output. */
  saves?(shapes: { readonly [I in keyof Inputs]: Shape }, options: Options): readonly Saved[];
  /**
   * Dispatches kernels that fill `y`, and what is saved: a function of inputs and options and of nothing else, so that a captured program
   * calls it once for equal ones.
   */
  forward(device: Dispatcher, inputs: Inputs, y: Tensor, options: Options, saved: readonly Tensor[]): void;
  /**
   * Gradients written in other ops, of one shard as all else; those that are wanted and left undefined are `backward`'s. Without both
   * the op has no derivative.
   */
  gradient?(context: Differentiated<Inputs>, options: Options): readonly (Tensor | 0 | undefined)[];
  /** Dispatches kernels that fill the gradients that are wanted. */
  backward?(device: Dispatcher, context: Backward<Inputs>, options: Options): void;
  /** What backward reads of inputs (by their places) and output, both kept until then; all of them unless given. */
  readonly reads?: readonly (number | 'y')[];
  /** Inputs whose elements may lie in any layout; `stored` of the tensor tells where. All others are dense. */
  readonly anyLayout?: readonly number[];
  /** An input whose memory its gradient takes over; a copy's, where somebody else still reads the input. */
  readonly overwrites?: number;
  /**
   * How kernels meet the shards of a pass. `apart`, unless given: forward and backward are called for each shard by itself. With
   * `together` they are called once, and see in `shards` of each tensor how many lie side by side.
   */
  readonly shards?: 'apart' | 'together';
  /**
   * Whether `forward` asks the device, by `epilogueOf`, what may be done with `y` in the kernel that computes it, and `backward` so with
   * the gradient of the first input.
   */
  readonly takesEpilogue?: boolean;
  /** The definition in f64, for the checker: an output element from input elements at the same place, or all from all. */
  readonly reference?: (...inputs: never[]) => unknown;
}

/** An op whose types have been forgotten. */
export type AnyOp = ((...args: never[]) => Tensor) & { readonly definition: OpDefinition<readonly Tensor[], unknown> };

/** An op is called with its inputs, then its options, which may be left out where all of them may. */
export type Op<Inputs extends readonly Tensor[], Options = void> = ((
  ...args: Options extends void
    ? Inputs
    : Record<never, never> extends Options
      ? [...Inputs, options?: Options]
      : [...Inputs, options: Options]
) => Tensor) & { readonly definition: OpDefinition<Inputs, Options> };

/**
 * Makes a definition callable: a call records the op, and tells the tape.
 *
 * ```ts
 * const squash = defineOp({
 *   name: 'squash',
 *   shape: ([x]) => x,
 *   forward: (device, [x], y) => device.run(kernel, { x, y }, { size: x.size }, [Math.ceil(x.size / 256)]),
 * });
 * ```
 */
export function defineOp<Inputs extends readonly Tensor[], Options = void>(
  definition: OpDefinition<Inputs, Options>,
): Op<Inputs, Options> {
  const call = (...args: readonly unknown[]): Tensor => {
    const count = args.findIndex((arg) => !(arg instanceof Tensor));
    const inputs = (count < 0 ? args : args.slice(0, count)) as unknown as Inputs;
    if (inputs.length === 0) throw new ShapeError(`${definition.name}: expected tensors, got none`);
    return record(definition, inputs, ((count < 0 ? undefined : args[count]) ?? {}) as Options);
  };
  // A function's own name is read-only, but may be redefined.
  Object.defineProperty(call, 'name', { value: definition.name });
  return Object.assign(call, { definition }) as unknown as Op<Inputs, Options>;
}

type ShapesOf<Inputs extends readonly Tensor[]> = { readonly [I in keyof Inputs]: Shape };

function record<Inputs extends readonly Tensor[], Options>(
  definition: OpDefinition<Inputs, Options>,
  inputs: Inputs,
  options: Options,
): Tensor {
  const { name } = definition;
  const recorder = recorderOf(name, inputs);
  const shapes = inputs.map(({ shape }) => shape) as unknown as ShapesOf<Inputs>;
  const dtypes = inputs.map(({ dtype }) => dtype);
  const shards = shardsOf(name, inputs);
  const shape = definition.shape(shapes, options);
  const dtype = definition.dtype?.(dtypes, options) ?? dtypes[0]!;
  const device = recorder as unknown as Dispatcher;
  const node: KernelNode = {
    kind: 'kernel',
    name,
    options,
    definition,
    inputs,
    anyLayout: definition.anyLayout ?? [],
    takesEpilogue: definition.takesEpilogue,
    dispatch: (all, [y, ...saved]) =>
      eachShard(definition.shards, device, { tensors: [...all, y!, ...saved], firstOutput: all.length }, (tensors) => {
        const own = tensors.slice(0, inputs.length) as unknown as Inputs;
        definition.forward(device, own, tensors[inputs.length]!, options, tensors.slice(inputs.length + 1));
      }),
  };
  const y = new Tensor(recorder, { shape, dtype, shards }, node);
  const saved = (definition.saves?.(shapes, options) ?? []).map(
    (one) => new Tensor(recorder, { shape: one.shape, dtype: one.dtype ?? 'f32', shards }, node),
  );
  recorder.record(node, [y, ...saved]);
  if (definition.backward || definition.gradient) {
    const gradient = (dy: Tensor, needs: readonly boolean[]): readonly (Tensor | 0 | undefined)[] =>
      gradientsOf(definition, recorder, { inputs, y, saved, dy, needs, options });
    track(recorder, { name, inputs, y, gradient });
  }
  return y;
}

/** Gradients by the rule in ops, and by kernels what that leaves. */
function gradientsOf<Inputs extends readonly Tensor[], Options>(
  definition: OpDefinition<Inputs, Options>,
  recorder: Recorder,
  recalled: Recalled<Inputs, Options>,
): readonly (Tensor | 0 | undefined)[] {
  const written = definition.gradient?.(recalled, recalled.options) ?? [];
  const needs = recalled.needs.map((need, i) => need && written[i] === undefined);
  if (!definition.backward || !needs.includes(true)) return written;
  const dispatched = recordBackward(definition, recorder, { ...recalled, needs });
  return recalled.inputs.map((_, i) => written[i] ?? dispatched[i]);
}

interface Recalled<Inputs extends readonly Tensor[], Options> {
  readonly inputs: Inputs;
  readonly y: Tensor;
  readonly saved: readonly Tensor[];
  readonly dy: Tensor;
  readonly needs: readonly boolean[];
  readonly options: Options;
}

/** Records what fills the gradients of an op's inputs; of one that serves all shards there is a gradient for each of them. */
function recordBackward<Inputs extends readonly Tensor[], Options>(
  definition: OpDefinition<Inputs, Options>,
  recorder: Recorder,
  { inputs, y, saved, dy, needs, options }: Recalled<Inputs, Options>,
): (Tensor | undefined)[] {
  const device = recorder as unknown as Dispatcher;
  const reads = definition.reads ?? [...inputs.keys(), 'y' as const];
  const read = [
    ...inputs.map((input, i) => (reads.includes(i) ? input : undefined)),
    reads.includes('y') ? y : undefined,
  ];
  const given = [dy, ...read.filter((tensor) => tensor !== undefined), ...saved];
  const wanted = [...inputs.keys()].filter((i) => needs[i]);
  const { overwrites } = definition;
  // What served all shards going forward has a gradient of each going back, and no place side by side.
  const shards = y.shards === dy.shards ? definition.shards : 'apart';
  const node: KernelNode = {
    kind: 'kernel',
    name: `${definition.name} backward`,
    options: { ...options, wanted },
    definition,
    takesEpilogue: definition.takesEpilogue && wanted[0] === 0,
    inputs: given,
    anyLayout: (definition.anyLayout ?? []).map((i) => given.indexOf(inputs[i]!, 1)).filter((i) => i > 0),
    overwrites:
      overwrites !== undefined && needs[overwrites]
        ? { input: given.indexOf(inputs[overwrites]!), output: wanted.indexOf(overwrites) }
        : undefined,
    dispatch: (there, gradients) =>
      eachShard(shards, device, { tensors: [...there, ...gradients], firstOutput: there.length }, (tensors) => {
        const placeOf = (tensor: Tensor | undefined): Tensor =>
          tensors[given.indexOf(tensor!)] ?? unread(definition.name);
        definition.backward!(
          device,
          {
            inputs: inputs.map((input, i) => (reads.includes(i) ? placeOf(input) : input)) as unknown as Inputs,
            y: reads.includes('y') ? placeOf(y) : y,
            saved: saved.map(placeOf),
            dy: tensors[0]!,
            needs,
            gradient: (input) => tensors[given.length + wanted.indexOf(input)]!,
          },
          options,
        );
      }),
  };
  const gradients = wanted.map((i) => {
    const { shape, dtype } = inputs[i]!;
    return new Tensor(recorder, { shape, dtype, shards: dy.shards }, node);
  });
  recorder.record(node, gradients);
  return inputs.map((_, i) => (needs[i] ? gradients[wanted.indexOf(i)] : undefined));
}

function unread(name: string): never {
  throw new ShapeError(`${name}: expected backward to read what its definition says in \`reads\`, got something else`);
}

/**
 * Calls `work` once with all shards side by side, or for each shard with what is its own.
 * @param tensors in memory; from `firstOutput` on they are written, the others are read
 */
function eachShard(
  shards: OpDefinition<readonly Tensor[], unknown>['shards'],
  device: Dispatcher,
  { tensors, firstOutput }: { readonly tensors: readonly Tensor[]; readonly firstOutput: number },
  work: (tensors: readonly Tensor[]) => void,
): void {
  if (shards === 'together') return work(tensors);
  const count = Math.max(1, ...tensors.map((tensor) => tensor.shards ?? 1));
  for (let shard = 0; shard < count; shard++) {
    const parts = tensors.map((tensor) => partOf(tensor, shard));
    // A kernel binds its shard where that begins, which not every adapter can do anywhere: then it gets a copy.
    const bound = parts.map((part) => (isBindable(part) ? part : device.empty(part.shape, part.dtype)));
    bound.forEach((tensor, i) => i < firstOutput && tensor !== parts[i] && device.copy(parts[i]!, tensor));
    work(bound);
    bound.forEach((tensor, i) => i >= firstOutput && tensor !== parts[i] && device.copy(tensor, parts[i]!));
  }
}

/** A shard's part of a tensor in memory, as a tensor by itself. */
function partOf(tensor: Tensor, shard: number): Tensor {
  const { device, shape, dtype, shards, stored } = tensor;
  if (shards === undefined) return tensor;
  const { memory, layout } = stored!;
  const own = { ...layout, shard: 0, offset: layout.offset + shard * layout.shard };
  return new Tensor(device, { shape, dtype }, { memory, layout: own });
}

const isBindable = ({ stored, dtype }: Tensor): boolean =>
  (stored!.layout.offset * bytesPerElement(dtype)) % alignment === 0;
