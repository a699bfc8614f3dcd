// Reductions over axes in f64, for the tests of the ops that have them.
import { denseStrides } from '../graph/layout.ts';
import { axesOf, type Shape, sizeOf } from '../shape.ts';
import type { AxisOptions } from './sum.ts';

/** The reference of an op that makes one number of all those along axes, which it is given in order. */
export function reduced(
  reduce: (values: Float64Array) => number,
): (inputs: readonly Float64Array[], shapes: readonly Shape[], options: AxisOptions | undefined) => Float64Array {
  return ([x], [shape], { axis } = {}) => {
    const axes = axesOf('reference', shape!, axis);
    const strides = denseStrides(shape!);
    const part = (isReduced: boolean): number[] => {
      const chosen = shape!.map((length, i) => (axes.includes(i) === isReduced ? length : 1));
      const steps = denseStrides(chosen);
      return Array.from({ length: sizeOf(chosen) }, (_, at) =>
        chosen.reduce((sum, length, i) => sum + (Math.floor(at / steps[i]!) % length) * strides[i]!, 0),
      );
    };
    const inner = part(true);
    return Float64Array.from(part(false), (origin) => reduce(Float64Array.from(inner, (step) => x![origin + step]!)));
  };
}
