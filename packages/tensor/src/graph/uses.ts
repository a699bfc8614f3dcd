// Who needs what of a recording: which nodes are to be computed at all, how many read a tensor, and when it is read last.
import type { Memory } from '../device/memory.ts';
import type { Tensor } from '../tensor.ts';
import { isLazy, type Node, type Recorded, tensorsOf } from './node.ts';

/** Kinds of nodes that do something even if nobody reads what they compute. */
const effects: ReadonlySet<Node['kind']> = new Set(['dispatch', 'assign', 'fill', 'mark']);

export class Uses {
  readonly #needed = new Set<Node>();
  readonly #readers = new Map<Tensor, number>();
  readonly #last = new Map<Tensor, number>();
  /** Lazy nodes that read a memory as it is when they are asked for, by the position of each. */
  readonly #lazyReaders = new Map<Memory, { position: number; output: Tensor }[]>();

  constructor(recording: readonly Recorded[]) {
    for (let position = recording.length - 1; position >= 0; position--) this.#visit(recording[position]!, position);
  }

  isNeeded(node: Node): boolean {
    return this.#needed.has(node);
  }

  /** Number of nodes that read a tensor. */
  readersOf(tensor: Tensor): number {
    return this.#readers.get(tensor) ?? 0;
  }

  /** The position of the last node that reads a tensor, itself or through lazy nodes; -1 if none does. */
  lastReadOf(tensor: Tensor): number {
    return this.#last.get(tensor) ?? -1;
  }

  /** What has been asked for before `position`, is read at it or later, and would see what is written to the memory then. */
  lazyOver(memory: Memory, position: number): Tensor[] {
    const readers = this.#lazyReaders.get(memory) ?? [];
    return readers
      .filter((reader) => reader.position < position && this.lastReadOf(reader.output) >= position)
      .map(({ output }) => output);
  }

  #visit({ node, outputs }: Recorded, position: number): void {
    const hasEffect = effects.has(node.kind) || (node.kind === 'kernel' && node.writes !== undefined);
    if (!hasEffect && !outputs.some((output) => this.#readers.has(output) || !output.isReleased)) return;
    this.#needed.add(node);
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

  #noteLazyReader(memory: Memory, reader: { position: number; output: Tensor }): void {
    const readers = this.#lazyReaders.get(memory);
    if (readers) readers.push(reader);
    else this.#lazyReaders.set(memory, [reader]);
  }
}
