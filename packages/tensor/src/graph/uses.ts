// Who needs what of a recording: which nodes are to be computed at all, how many read a tensor, and when it is read last.
import type { Memory } from '../device/memory.ts';
import type { Tensor } from '../tensor.ts';
import { isLazy, type Node, type Recorded, tensorsOf } from './node.ts';

/** Kinds of nodes that do something even if nobody reads what they compute. */
const effects: ReadonlySet<Node['kind']> = new Set(['dispatch', 'assign', 'fill', 'mark']);

/** A node that reads a tensor, and when. */
export interface Reader extends Recorded {
  readonly position: number;
}

export class Uses {
  readonly #recording: readonly Recorded[];
  readonly #needed = new Set<Node>();
  readonly #readersInOrder = new Map<Tensor, Reader[]>();
  readonly #readers = new Map<Tensor, number>();
  readonly #last = new Map<Tensor, number>();
  /** Lazy nodes that read a memory as it is when they are asked for, by the position of each. */
  readonly #lazyReaders = new Map<Memory, { position: number; output: Tensor }[]>();

  constructor(recording: readonly Recorded[]) {
    this.#recording = recording;
    for (let position = recording.length - 1; position >= 0; position--) this.#visit(recording[position]!, position);
  }

  isNeeded(node: Node): boolean {
    return this.#needed.has(node);
  }

  /** Number of nodes that read a tensor. */
  readersOf(tensor: Tensor): number {
    return this.#readers.get(tensor) ?? 0;
  }

  /** The nodes that read a tensor, each once, in the order in which they were asked for. */
  nodesThatRead(tensor: Tensor): readonly Reader[] {
    return this.#readersInOrder.get(tensor) ?? [];
  }

  /** Whether a needed node between two others writes to a memory. */
  isWrittenBetween(memory: Memory, from: number, to: number): boolean {
    return this.#between(from, to).some(({ node }) => writtenBy(node).some((one) => one?.stored?.memory === memory));
  }

  /** Whether a needed node between two others reads or writes a memory. */
  isTouchedBetween(memory: Memory, from: number, to: number): boolean {
    const reads = (node: Node): boolean => tensorsOf(node).some(({ stored }) => stored?.memory === memory);
    return this.isWrittenBetween(memory, from, to) || this.#between(from, to).some(({ node }) => reads(node));
  }

  #between(from: number, to: number): Recorded[] {
    return this.#recording.slice(from + 1, to).filter(({ node }) => this.#needed.has(node));
  }

  /** The position of the last node that reads a tensor, itself or through lazy nodes; -1 if none does. */
  lastReadOf(tensor: Tensor): number {
    return this.#last.get(tensor) ?? -1;
  }

  /**
   * What has been asked for before `position`, is read after it, and would see what is written to the memory then. What is read at it for
   * the last time is computed as it was before.
   */
  lazyOver(memory: Memory, position: number): Tensor[] {
    const readers = this.#lazyReaders.get(memory) ?? [];
    return readers
      .filter((reader) => reader.position < position && this.lastReadOf(reader.output) > position)
      .map(({ output }) => output);
  }

  #visit(recorded: Recorded, position: number): void {
    const { node, outputs } = recorded;
    const hasEffect = effects.has(node.kind) || (node.kind === 'kernel' && node.writes !== undefined);
    if (!hasEffect && !outputs.some((output) => this.#readers.has(output) || !output.isReleased)) return;
    this.#needed.add(node);
    for (const input of new Set(tensorsOf(node))) this.#noteReader(input, { ...recorded, position });
    const readAt = isLazy(node) ? this.#readAt(outputs[0]!, position) : position;
    for (const input of tensorsOf(node)) {
      this.#readers.set(input, this.readersOf(input) + 1);
      this.#last.set(input, Math.max(this.lastReadOf(input), readAt));
      if (isLazy(node) && input.stored) this.#noteLazyReader(input.stored.memory, { position, output: outputs[0]! });
    }
  }

  /** When a lazy tensor is computed at the latest: with its last reader, or at once where somebody may ask for it. */
  #readAt(output: Tensor, position: number): number {
    return Math.max(this.lastReadOf(output), output.isReleased ? -1 : position);
  }

  /** Nodes are visited from the last to the first. */
  #noteReader(input: Tensor, reader: Reader): void {
    const readers = this.#readersInOrder.get(input);
    if (readers) readers.unshift(reader);
    else this.#readersInOrder.set(input, [reader]);
  }

  #noteLazyReader(memory: Memory, reader: { position: number; output: Tensor }): void {
    const readers = this.#lazyReaders.get(memory);
    if (readers) readers.push(reader);
    else this.#lazyReaders.set(memory, [reader]);
  }
}

/** What a node writes beside its outputs: tensors that lie in memory by then. */
export function writtenBy(node: Node): (Tensor | undefined)[] {
  switch (node.kind) {
    case 'assign':
    case 'fill':
      return [node.target];
    case 'kernel':
      return [...(node.writes ?? [])];
    case 'dispatch':
      return node.kernel.bindings.filter(({ access }) => access !== 'read').map(({ name }) => node.tensors[name]);
    default:
      return [];
  }
}
