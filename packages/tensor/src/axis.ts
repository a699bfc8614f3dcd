// A tensor seen from one of its axes, for ops that reduce it.
import { expectShape, type Shape, sizeOf } from './shape.ts';

export interface AxisOptions {
  /** Which axis; below 0 it counts from the last. */
  readonly axis: number;
  /** Leave the axis in the output's shape, with a length of 1. */
  readonly keepAxis?: boolean;
}

/** An axis as (outer, length, inner): what comes before it, itself, and what comes after it. */
export interface Split {
  readonly outer: number;
  readonly length: number;
  readonly inner: number;
}

const place = (shape: Shape, axis: number): number => (axis < 0 ? axis + shape.length : axis);

export function splitAxis(shape: Shape, { axis }: AxisOptions): Split {
  const at = place(shape, axis);
  return { outer: sizeOf(shape.slice(0, at)), length: shape[at]!, inner: sizeOf(shape.slice(at + 1)) };
}

/** What is left of a shape when the axis has been reduced. @throws {ShapeError} when there is no such axis. */
export function withoutAxis(op: string, shape: Shape, { axis, keepAxis = false }: AxisOptions): Shape {
  const at = place(shape, axis);
  expectShape(Number.isInteger(at) && at >= 0 && at < shape.length, op, `an axis ${axis}`, shape);
  return [...shape.slice(0, at), ...(keepAxis ? [1] : []), ...shape.slice(at + 1)];
}
