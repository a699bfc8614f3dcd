// About how much work a recorded computation is, before anything is known of the kernels that will do it. For sharing work out; it
// measures nothing.
import type { Tensor } from '../tensor.ts';
import { ancestorsOf } from './ancestors.ts';
import { type Node, nodeOf, tensorsOf } from './node.ts';

/** Arithmetic that takes as long as moving one number: adapters do some 8 operations per byte. */
const operationsPerNumber = 32;

/** Numbers moved to compute some tensors, arithmetic counted as if it moved some, too. It follows from the recording alone. */
export function workOf(tensors: readonly Tensor[]): number {
  const all = new Set(tensors.flatMap((tensor) => [...ancestorsOf(tensor)]));
  let work = 0;
  for (const tensor of all) {
    const node = nodeOf(tensor);
    if (node) work += ofNode(node, tensor.size);
  }
  return work;
}

function ofNode(node: Node, size: number): number {
  if (node.kind === 'elementwise' || node.kind === 'view') return size;
  const sizes = tensorsOf(node).map((input) => input.size);
  const moved = sizes.reduce((sum, one) => sum + one, size);
  if (node.kind !== 'kernel' || sizes.length < 2) return moved;
  // Of a product of (M, K) and (K, N) the sizes of all three multiply to (M·K·N)².
  return moved + (2 * Math.sqrt(sizes[0]! * sizes[1]! * size)) / operationsPerNumber;
}
