// A function of numbers as the definition of an op: at each place by itself, over inputs that are broadcast.
import { denseStrides } from '../graph/layout.ts';
import { broadcastShapes, type Shape, sizeOf } from '../shape.ts';

export type NumberReference = (...inputs: readonly number[]) => number;

export function elementwiseReference(
  reference: NumberReference,
  inputs: readonly Float64Array[],
  shapes: readonly Shape[],
): Float64Array {
  const shape = broadcastShapes('reference', shapes);
  const steps = shapes.map((one) => broadcastSteps(one, shape));
  const strides = denseStrides(shape);
  return Float64Array.from({ length: sizeOf(shape) }, (_, at) => {
    const places = shape.map((length, axis) => Math.floor(at / strides[axis]!) % length);
    const values = inputs.map(
      (input, i) => input[places.reduce((sum, place, axis) => sum + place * steps[i]![axis]!, 0)]!,
    );
    return reference(...values);
  });
}

/** Steps of a shape along the axes of a larger one; 0 where it is broadcast. */
function broadcastSteps(shape: Shape, to: Shape): number[] {
  const lead = to.length - shape.length;
  const strides = denseStrides(shape);
  return to.map((_, axis) => (axis < lead || shape[axis - lead] === 1 ? 0 : strides[axis - lead]!));
}
