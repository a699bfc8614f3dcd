// Whether what computes a value may write over what it reads.
import { type Expression, leavesOf } from '../fuse/expression.ts';
import type { Tensor } from '../tensor.ts';
import type { Layout } from './layout.ts';

/** Whether an expression reads the target's memory elsewhere than where the same element is written. */
export function conflicts(expression: Expression, { stored }: Tensor): boolean {
  const { memory, layout } = stored!;
  const isElsewhere = (seen: Layout): boolean =>
    seen.offset !== layout.offset || seen.strides.join() !== layout.strides.join();
  return leavesOf(expression).some(
    (leaf) => leaf.kind === 'load' && leaf.memory === memory && isElsewhere(leaf.layout),
  );
}
