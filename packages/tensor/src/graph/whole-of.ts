// Whether tensors are neighbouring parts of another one: then work on all of them can be work on that one.
import { type Shape, sizeOf } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { denseLayout, type Layout, viewed } from './layout.ts';
import { nodeOf } from './node.ts';

/** What a tensor is a view of, and where its elements lie in that. */
interface Root {
  readonly tensor: Tensor;
  readonly layout: Layout;
}

function rootOf(tensor: Tensor, passes: (tensor: Tensor) => boolean): Root | undefined {
  if (!passes(tensor) || tensor.isReleased) return undefined;
  const node = nodeOf(tensor);
  // What has memory of its own is read there: its source may be gone.
  if (node?.kind !== 'view' || tensor.stored) return { tensor, layout: denseLayout(tensor.shape, tensor.shards) };
  const source = rootOf(node.inputs[0], passes);
  const layout = source && viewed(source.layout, node.view);
  return layout && { tensor: source.tensor, layout };
}

/**
 * The tensor that consists of the given ones, one after the other along an axis, and of nothing else; undefined if there is none.
 * Its shape may be another, its elements lie in their order.
 * @param passes whether a tensor on the way, from a part to what it is a view of, may be passed over
 */
export function wholeOf(
  parts: readonly Tensor[],
  axis: number,
  passes: (tensor: Tensor) => boolean = () => true,
): Tensor | undefined {
  const lengths = parts.map(({ shape }) => shape[axis]!);
  const whole = parts[0]!.shape.with(
    axis,
    lengths.reduce((sum, length) => sum + length, 0),
  );
  const { shard, strides } = denseLayout(whole, parts[0]!.shards);
  const roots = parts.map((part) => rootOf(part, passes));
  let offset = 0;
  for (const [i, root] of roots.entries()) {
    if (!root || root.tensor !== roots[0]!.tensor || root.tensor.size !== sizeOf(whole)) return undefined;
    const expected = { offset, shard, strides };
    if (!areSame(root.layout, expected, parts[i]!.shape)) return undefined;
    offset += lengths[i]! * strides[axis]!;
  }
  return roots[0]!.tensor;
}

/** Whether elements lie at the same places; steps along axes of length 1 do not matter. */
function areSame(a: Layout, b: Layout, shape: Shape): boolean {
  const steps = shape.every((length, axis) => length === 1 || a.strides[axis] === b.strides[axis]);
  return a.offset === b.offset && a.shard === b.shard && steps;
}
