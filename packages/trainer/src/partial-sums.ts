// The gradient of a node that is computed in several passes: what passes give is added along the canonical tree as a binary counter
// counts, so that log₂ of the number of passes are kept beside the one at hand.
import type { Parameters } from '@lockstep/nn';
import { type Device, type Piece, type Tensor, treeAddTo, type WireFormat } from '@lockstep/tensor';

export class PartialSums {
  readonly #device: Device;
  readonly #parameters: Parameters;
  readonly #wire: WireFormat;
  /** By level of the tree, what waits there for its right half while passes are recorded. */
  readonly #waiting: (Tensor | undefined)[] = [];
  readonly #free: Tensor[];

  /** Allocates what `passes` passes, a power of two, need beside the parameters' gradients. */
  constructor(device: Device, parameters: Parameters, { passes, wire }: { passes: number; wire: WireFormat }) {
    this.#device = device;
    this.#parameters = parameters;
    this.#wire = wire;
    const { size } = parameters.gradients;
    this.#free = Array.from({ length: Math.log2(passes) }, () => device.empty([size]));
  }

  /** Dispatches what puts the gradient of a pass, which is not the last, where it waits. Passes are met in order. */
  keep(): void {
    let sum = this.#parameters.gradients;
    let level = 0;
    for (; this.#waiting[level]; level++) {
      const left = this.#waiting[level]!;
      this.#add(left, sum, this.#whole);
      if (sum !== this.#parameters.gradients) this.#free.push(sum);
      this.#waiting[level] = undefined;
      sum = left;
    }
    if (sum === this.#parameters.gradients) {
      sum = this.#free.pop()!;
      this.#device.copy(this.#parameters.gradients, sum);
    }
    this.#waiting[level] = sum;
  }

  /** Dispatches what adds all that waits to a range of the last pass's gradient. */
  finish(range: Piece): void {
    for (const left of this.#waiting) if (left) this.#add(this.#parameters.gradients, left, range);
  }

  /** All elements: gradients, then extras. */
  get #whole(): Piece {
    return { start: 0, size: this.#parameters.gradients.size };
  }

  /** Extras travel as they are, gradients as the wire rounds them. */
  #add(to: Tensor, from: Tensor, { start, size }: Piece): void {
    const rounded = Math.max(0, Math.min(this.#parameters.weights.size - start, size));
    const part = (whole: Tensor, at: number, length: number): Tensor => this.#device.view(whole, at, [length]);
    const add = (at: number, length: number, wire: WireFormat): void =>
      treeAddTo(this.#device, part(to, at, length), part(from, at, length), { wire });
    if (rounded > 0) add(start, rounded, this.#wire);
    if (rounded < size) add(start + rounded, size - rounded, 'f32');
  }
}
