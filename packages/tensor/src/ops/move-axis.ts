// Ops that work along one axis do so along the last; the others are brought there and back, without a copy of the result.
import { axesOf } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { transpose } from './permute.ts';

/** What `work` makes of `x` with an axis as its last; its results have that axis where it was. @throws {ShapeError} */
export function alongLast(
  op: string,
  { axis, inputs }: { axis: number; inputs: readonly Tensor[] },
  work: (inputs: readonly Tensor[]) => Tensor,
): Tensor {
  const [at] = axesOf(op, inputs[0]!.shape, axis) as [number];
  return transpose(work(inputs.map((input) => transpose(input, at, -1))), at, -1);
}
