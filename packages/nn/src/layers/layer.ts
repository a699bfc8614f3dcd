// A layer is a function with its parameters, buffers and inner layers as properties: calling it computes, and a model finds
// what it holds by walking through the properties, whose names become the parameters' names.
import { Tensor } from '@lockstep/tensor';
import { ConfigError } from '@lockstep/errors';
import { quoteValue } from '../quote.ts';
import { BufferSlot, ParameterSlot } from './parameter.ts';

/** What a model may be nested of: layers, parameters and buffers, in lists, which count from 0, and groups; what is left out is undefined. */
export type Parts = object;

/** A function that holds parts. */
export type Layer<Call extends (...inputs: never[]) => unknown, Held extends object> = Call & Readonly<Held>;

/**
 * Makes a layer of one's own.
 *
 * ```ts
 * const scale = (width: number) => {
 *   const gain = parameter([width], { initial: 1 });
 *   return layer({ gain }, (x: Tensor) => x.mul(gain.value));
 * };
 * ```
 */
export function layer<Call extends (...inputs: never[]) => unknown, Held extends { readonly [name: string]: unknown }>(
  parts: Held,
  call: Call,
): Layer<Call, Held> {
  const held = Object.fromEntries(Object.entries(parts).filter(([, part]) => part !== undefined));
  const self = (...inputs: never[]): unknown => {
    const output = call(...inputs);
    return observer && output instanceof Tensor ? observer(self, output) : output;
  };
  return Object.assign(self as Call, held as Held);
}

/** What is told of what layers give, and may put something else in its place. */
export type Observer = (layer: unknown, output: Tensor) => Tensor;

let observer: Observer | undefined;

/** Runs `work` while every layer's output goes through an observer. */
export function observing<T>(next: Observer, work: () => T): T {
  const outer = observer;
  observer = next;
  try {
    return work();
  } finally {
    observer = outer;
  }
}

/** So many layers, one after the other: `make` is called with each one's index. */
export function repeat<One>(count: number, make: (index: number) => One): One[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

/** What is found in a nesting of parts: each parameter with its name, which of a tied one is the first it is met under. */
export interface Found {
  readonly parameters: ReadonlyMap<ParameterSlot, string>;
  readonly buffers: ReadonlySet<BufferSlot>;
  /** Layers by name. */
  readonly layers: ReadonlyMap<string, unknown>;
}

/** @param who the model's name, for messages. @throws {ConfigError} for what is no part. */
export function partsIn(tree: Parts, who: string): Found {
  const found = {
    parameters: new Map<ParameterSlot, string>(),
    buffers: new Set<BufferSlot>(),
    layers: new Map<string, unknown>(),
  };
  visit(tree, [], who, found);
  return found;
}

function visit(
  part: unknown,
  path: readonly string[],
  who: string,
  found: {
    readonly parameters: Map<ParameterSlot, string>;
    readonly buffers: Set<BufferSlot>;
    readonly layers: Map<string, unknown>;
  },
): void {
  if (part === undefined) return;
  if (part instanceof ParameterSlot) {
    if (!found.parameters.has(part)) found.parameters.set(part, path.join('.'));
  } else if (part instanceof BufferSlot) found.buffers.add(part);
  else if (typeof part === 'function' || (typeof part === 'object' && part !== null)) {
    if (typeof part === 'function') found.layers.set(path.join('.'), part);
    for (const [name, inner] of Object.entries(part)) visit(inner, [...path, name], who, found);
  } else
    throw new ConfigError(
      `${who}: parameters.${path.join('.')}: expected a layer, a parameter, or a list or group of them, got ${quoteValue(part)}`,
    );
}
