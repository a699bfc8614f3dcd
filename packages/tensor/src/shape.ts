// Sizes of dense row-major arrays, and the one way in which ops say that a shape does not fit.
import { ShapeError } from './errors.ts';

/** Lengths of the axes, outermost first. */
export type Shape = readonly number[];

/** Number of elements. */
export function sizeOf(shape: Shape): number {
  return shape.reduce((product, length) => product * length, 1);
}

/** Length of the last axis; 1 for a scalar. */
export function columnsOf(shape: Shape): number {
  return shape.at(-1) ?? 1;
}

/** Number of rows, i.e. of elements over all axes but the last. */
export function rowsOf(shape: Shape): number {
  return sizeOf(shape.slice(0, -1));
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((length, axis) => length === b[axis]);
}

/** @throws {ShapeError} `op: expected rule, got [shape], …` unless `holds`. */
export function expectShape(holds: boolean, op: string, rule: string, ...got: readonly Shape[]): void {
  if (!holds)
    throw new ShapeError(`${op}: expected ${rule}, got ${got.map((shape) => `[${shape.join(', ')}]`).join(' and ')}`);
}
