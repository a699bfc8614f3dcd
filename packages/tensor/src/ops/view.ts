// What all movement ops are: a tensor seen otherwise, and the rule by which a gradient goes back.
import type { View } from '../graph/layout.ts';
import { compute, recorderOf } from '../graph/recorder.ts';
import type { Shape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';

export interface Viewed {
  readonly name: string;
  readonly shape: Shape;
  readonly view: View;
  /** The gradient of `x`, from that of the view. */
  readonly gradient: (dy: Tensor) => Tensor;
}

/** Records a view of `x`. */
export function view(x: Tensor, { name, shape, view: seen, gradient }: Viewed): Tensor {
  return compute(recorderOf(name, [x]), {
    name,
    form: { shape, dtype: x.dtype, shards: x.shards },
    node: { kind: 'view', inputs: [x], view: seen },
    inputs: [x],
    gradient: (dy) => [gradient(dy)],
  });
}
