// What of a recording is the same value as something before it: equal functions of equal inputs have one number. What lies in memory under a
// number serves whoever asks for that value later, until the memory is written over.
//
// Values that a gradient flows through are left out: a checkpointed block is computed twice so that what it makes need not be kept, and must
// not find the first time's.
import type { Memory } from '../device/memory.ts';
import type { Tensor, TensorForm } from '../tensor.ts';
import { canonicalText } from './canonical-text.ts';
import { type KernelNode, type Node, nodeOf, type Recorded } from './node.ts';
import { writtenBy } from './uses.ts';

export class Values {
  readonly #numbers = new Map<Tensor, number>();
  /** Numbers of functions of inputs, by their text. */
  readonly #known = new Map<string, number>();
  readonly #definitions = new Map<object, number>();
  readonly #inMemory = new Map<number, Tensor>();
  #next = 0;

  constructor(recording: readonly Recorded[]) {
    const written = new Set<unknown>(recording.flatMap(({ node }) => writtenBy(node).flatMap(placesOf)));
    const isWritten = (tensor: Tensor): boolean => placesOf(tensor).some((place) => written.has(place));
    for (const { node, outputs } of recording) {
      // A view is of memory as it is when it is asked for: where that changes, each is a value of its own.
      const isFixed = outputs.every(({ tracked }) => !tracked) && !inputsOf(node).some(isWritten);
      if (isFixed && !outputs.some(isWritten)) this.#number(node, outputs);
    }
  }

  /** A released tensor in memory that holds what `tensor` would. */
  find(tensor: Tensor): Tensor | undefined {
    const number = this.#numbers.get(tensor);
    return number === undefined ? undefined : this.#inMemory.get(number);
  }

  /** Notes that a tensor's elements have been written where it lies. */
  keep(tensor: Tensor): void {
    const number = this.#numbers.get(tensor);
    if (number !== undefined && !this.#inMemory.has(number)) this.#inMemory.set(number, tensor);
  }

  /** Notes that a memory is about to hold something else. */
  forget(memory: Memory): void {
    for (const [number, { stored }] of this.#inMemory) if (stored!.memory === memory) this.#inMemory.delete(number);
  }

  #number(node: Node, outputs: readonly Tensor[]): void {
    const text = this.#textOf(node);
    if (text === undefined) return;
    for (const [i, output] of outputs.entries()) {
      const key = `${text} ${i} ${formOf(output)}`;
      const number = this.#known.get(key) ?? this.#next++;
      this.#known.set(key, number);
      this.#numbers.set(output, number);
    }
  }

  /** What a node does with which values; undefined for one that does more, or whose equal cannot be told. */
  #textOf(node: Node): string | undefined {
    const of = (): string =>
      inputsOf(node)
        .map((input) => this.#numberOf(input))
        .join();
    switch (node.kind) {
      case 'elementwise': {
        const { function: scalar, inputs } = node;
        const constants = inputs.map((input) =>
          'value' in input ? `${canonicalText(input.value)} ${input.dtype}` : '',
        );
        return `${scalar.wgsl(inputs.map(({ dtype }) => dtype))} ${constants.join()} ${scalar.uses?.join() ?? ''} (${of()})`;
      }
      case 'view':
        return `view ${canonicalText(node.view)} (${of()})`;
      case 'index':
        return 'index';
      case 'reduce':
        return `${node.reducer.name} ${canonicalText([node.axes, node.scale])} (${of()})`;
      case 'kernel':
        return isFunction(node)
          ? `kernel ${this.#definitionOf(node)} ${canonicalText(node.options)} (${of()})`
          : undefined;
      default:
        return undefined;
    }
  }

  #definitionOf({ definition, name }: KernelNode): string {
    const known = this.#definitions.get(definition!) ?? this.#definitions.size;
    this.#definitions.set(definition!, known);
    return `${known} ${name}`;
  }

  #numberOf(tensor: Tensor): number {
    const number = this.#numbers.get(tensor) ?? this.#next++;
    this.#numbers.set(tensor, number);
    return number;
  }
}

const inputsOf = (node: Node): Tensor[] =>
  (node.inputs as readonly (Tensor | { readonly value: number })[]).filter((input) => !('value' in input)) as Tensor[];

/** Whether equal options and inputs say all of what an op computes. */
const isFunction = ({ definition, overwrites, writes, options }: KernelNode): boolean =>
  definition !== undefined && !overwrites && !writes && isPlain(options);

/** Whether a text says all of an option. */
function isPlain(option: unknown): boolean {
  if (typeof option !== 'object' || option === null) return typeof option !== 'function' && typeof option !== 'symbol';
  const prototype: unknown = Object.getPrototypeOf(option);
  return (Array.isArray(option) || prototype === Object.prototype) && Object.values(option).every(isPlain);
}

/** A tensor, what it is a view of, and the memory that this lies in. */
function placesOf(tensor: Tensor | undefined): unknown[] {
  if (!tensor) return [];
  const node = nodeOf(tensor);
  const memory = tensor.stored ? [tensor.stored.memory] : [];
  return [tensor, ...memory, ...(node?.kind === 'view' ? placesOf(node.inputs[0]) : [])];
}

const formOf = ({ shape, dtype, shards }: TensorForm): string => `${dtype} [${shape.join()}] ${shards ?? ''}`;
