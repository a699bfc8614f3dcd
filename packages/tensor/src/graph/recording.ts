// What is asked for and not yet done, and the scopes that own what it makes.
import { Scope } from '../device/scope.ts';
import type { Tensor } from '../tensor.ts';
import type { Node, Recorded } from './node.ts';

export class Recording {
  #nodes: Recorded[] = [];
  #scope: Scope | undefined;

  get isEmpty(): boolean {
    return this.#nodes.length === 0;
  }

  record(node: Node, outputs: readonly Tensor[]): void {
    this.#nodes.push({ node, outputs });
    for (const output of outputs) this.adopt(output);
  }

  /** Everything recorded so far, which is forgotten. */
  take(): Recorded[] {
    const nodes = this.#nodes;
    this.#nodes = [];
    return nodes;
  }

  adopt(tensor: Tensor): void {
    this.#scope?.adopt(tensor);
  }

  disown(tensor: Tensor): void {
    this.#scope?.disown(tensor);
  }

  /** Runs `work`; the tensors it makes are given to `release`, but for those it returns, which go on to the scope around. */
  scope<T>(work: () => T, release: (tensor: Tensor) => void): T {
    const outer = this.#scope;
    const scope = (this.#scope = new Scope());
    let result: T | undefined; // where `work` throws, nothing is kept
    try {
      return (result = work());
    } finally {
      this.#scope = outer;
      const { kept, released } = scope.split(result);
      for (const tensor of released) release(tensor);
      for (const tensor of kept) outer?.adopt(tensor);
    }
  }
}
