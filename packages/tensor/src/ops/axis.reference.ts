// Reductions over an axis in f64, for the tests of the ops that have one.
import { type AxisOptions, splitAxis } from '../axis.ts';
import type { Shape } from '../shape.ts';

/** The reference of an op that makes one number of all those along an axis. */
export function reduced(
  reduce: (values: Float64Array) => number,
): (inputs: readonly Float64Array[], shapes: readonly Shape[], options: AxisOptions) => Float64Array {
  return ([x], [shape], options) => {
    const { outer, length, inner } = splitAxis(shape!, options);
    return Float64Array.from({ length: outer * inner }, (_, at) => {
      const origin = Math.floor(at / inner) * length * inner + (at % inner);
      return reduce(Float64Array.from({ length }, (__, j) => x![origin + j * inner]!));
    });
  };
}
