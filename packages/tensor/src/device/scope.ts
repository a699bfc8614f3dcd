// Who owns a tensor. Tensors made inside a scope go back to the pool when it ends, except those that it returns; so
// nobody counts references, and a loop does not grow.
import { Tensor } from '../tensor.ts';

/** The tensors made since the scope began. */
export class Scope {
  readonly #tensors = new Set<Tensor>();

  adopt(tensor: Tensor): void {
    this.#tensors.add(tensor);
  }

  disown(tensor: Tensor): void {
    this.#tensors.delete(tensor);
  }

  /** The scope's tensors: those within `result` are kept, the rest is to be released. */
  split(result: unknown): { kept: Tensor[]; released: Tensor[] } {
    const returned = tensorsIn(result);
    const [tensors, memories] = [new Set(returned), new Set(returned.map(({ stored }) => stored?.memory))];
    // Whoever returns a part of a tensor keeps its memory.
    const isKept = (tensor: Tensor): boolean =>
      tensors.has(tensor) || (tensor.stored !== undefined && memories.has(tensor.stored.memory));
    const all = [...this.#tensors];
    return { kept: all.filter(isKept), released: all.filter((tensor) => !isKept(tensor)) };
  }
}

/** The tensors within a tensor, an array or a record, at any depth. */
export function tensorsIn(value: unknown): Tensor[] {
  if (value instanceof Tensor) return [value];
  if (Array.isArray(value)) return value.flatMap(tensorsIn);
  if (value && typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype)
    return Object.values(value).flatMap(tensorsIn);
  return [];
}
