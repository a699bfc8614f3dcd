// What may be done in the same kernel as the op before it, when the whole recording is known: elementwise ops that read what a product gives.
// Which ops those are follows from the graph alone; whether a kernel can take them, the op says that runs it.
import type { Memory } from '../device/memory.ts';
import { usesHalf } from '../fuse/elementwise-kernel.ts';
import { type Expression, leavesOf } from '../fuse/expression.ts';
import type { Tensor } from '../tensor.ts';
import type { Stores } from './builder.ts';
import { isDense } from './layout.ts';
import { isLazy, nodeOf, tensorsOf } from './node.ts';
import type { Reader, Uses } from './uses.ts';

/** What is done with the elements that an op computes, before they are stored. */
export interface Epilogue {
  /** What is computed of the op's own elements, and of others in memory. */
  readonly expression: Expression;
  /** The memory for the op's own elements, as the expression reads them. */
  readonly own: Memory;
  /** Where the result goes. */
  readonly output: Tensor;
  /** Whether somebody else reads the op's own elements: they are stored, too. */
  readonly isKept: boolean;
}

/** The elementwise tensor that can be computed with `own`, an output of the node at `position`. */
export class Followers {
  readonly #uses: Uses;
  readonly #own: Tensor;
  readonly #position: number;
  readonly #depends = new Map<Tensor, boolean>();

  constructor(uses: Uses, own: Tensor, position: number) {
    this.#uses = uses;
    this.#own = own;
    this.#position = position;
  }

  /** The first tensor of elements at the same places that a kernel reads or somebody may ask for, if all it needs is there. */
  find(from: Tensor = this.#own, seen: Set<Tensor> = new Set()): Tensor | undefined {
    for (const reader of this.#uses.nodesThatRead(from)) {
      const output = reader.outputs[0]!;
      if (!isInPlace(reader) || seen.has(output) || !this.#canFollow(output, reader.position)) continue;
      seen.add(output);
      if (reader.node.kind === 'elementwise' && this.#isAskedFor(output)) return output;
      const found = this.find(output, seen);
      if (found) return found;
    }
    return undefined;
  }

  #canFollow(output: Tensor, askedAt: number): boolean {
    return !output.stored && output.shards === this.#own.shards && this.#isThere(output, askedAt);
  }

  /** Whether a tensor is computed from the op's own elements. */
  dependsOnOwn(tensor: Tensor): boolean {
    if (tensor === this.#own) return true;
    const known = this.#depends.get(tensor);
    if (known !== undefined) return known;
    const node = nodeOf(tensor);
    const depends =
      !tensor.stored && node !== undefined && isLazy(node) && tensorsOf(node).some((input) => this.dependsOnOwn(input));
    this.#depends.set(tensor, depends);
    return depends;
  }

  /** Whether anybody but what computes `output` reads the op's own elements, now or later. */
  isKeptBeside(output: Tensor): boolean {
    const within = this.#within(output);
    const isReadElsewhere = (tensor: Tensor): boolean =>
      !tensor.isReleased || this.#uses.nodesThatRead(tensor).some(({ outputs }) => !within.has(outputs[0]!));
    return [...within].some((tensor) => tensor !== output && isReadElsewhere(tensor));
  }

  /** What computes a tensor of the op's own elements, both included. */
  #within(output: Tensor, found: Set<Tensor> = new Set()): Set<Tensor> {
    if (found.has(output) || !this.dependsOnOwn(output)) return found;
    found.add(output);
    if (output !== this.#own) for (const input of tensorsOf(nodeOf(output)!)) this.#within(input, found);
    return found;
  }

  /** Whether a tensor can be computed now, and is then what it will be when it is asked for. */
  #isThere(tensor: Tensor, askedAt: number): boolean {
    if (tensor === this.#own) return true;
    if (tensor.stored) return !this.#uses.isWrittenBetween(tensor.stored.memory, this.#position, askedAt);
    const node = nodeOf(tensor);
    return node !== undefined && isLazy(node) && tensorsOf(node).every((input) => this.#isThere(input, askedAt));
  }

  /** Whether a tensor will lie in memory in any case. */
  #isAskedFor(tensor: Tensor): boolean {
    if (!tensor.isReleased) return true;
    return this.#uses.nodesThatRead(tensor).some((reader) => {
      const { kind } = reader.node;
      if (kind === 'kernel' || kind === 'dispatch') return true;
      return isReshape(reader) && this.#isAskedFor(reader.outputs[0]!);
    });
  }
}

const isReshape = ({ node }: Reader): boolean => node.kind === 'view' && node.view.kind === 'reshape';

/** Whether a node gives as many elements in the same order. */
const isInPlace = (reader: Reader): boolean => reader.node.kind === 'elementwise' || isReshape(reader);

/** Stores that keep from memory what is computed of elements that are not there yet. */
export function storesBefore(followers: Followers, stores: Stores): Stores {
  return {
    prefersStored: (tensor) => !followers.dependsOnOwn(tensor) && stores.prefersStored(tensor),
    store: (tensor) => !followers.dependsOnOwn(tensor) && stores.store(tensor),
  };
}

/** Whether an expression reads the op's own elements at the place of its own only, and nothing but words of 32 bits; the result is f32. */
export function isOfOwnPlace(expression: Expression, own: Tensor, output: Tensor): boolean {
  const { memory, layout } = own.stored!;
  return (
    output.dtype === 'f32' &&
    !usesHalf([expression]) &&
    leavesOf(expression).every(
      (leaf) =>
        leaf.kind !== 'load' ||
        leaf.memory !== memory ||
        (!leaf.layout.reach &&
          leaf.layout.offset === layout.offset &&
          isDense(leaf.layout, output.shape, output.shards)),
    )
  );
}
