// Sizes of dense row-major arrays, and the one way in which ops say that a shape does not fit.
import { ShapeError } from '@lockstep/errors';

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

/** Number of rows of all shards; also where rows have no elements. */
export function rowsOfAll({
  shape,
  shards = 1,
}: {
  readonly shape: Shape;
  readonly shards?: number | undefined;
}): number {
  return rowsOf(shape) * shards;
}

/** The places of all axes but the last. */
export function allButLast(shape: Shape): number[] {
  return [...shape.slice(0, -1).keys()];
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((length, axis) => length === b[axis]);
}

/** @throws {ShapeError} `op: expected rule, got [shape], …` unless `holds`. */
export function expectShape(holds: boolean, op: string, rule: string, ...got: readonly Shape[]): void {
  if (!holds)
    throw new ShapeError(`${op}: expected ${rule}, got ${got.map((shape) => `[${shape.join(', ')}]`).join(' and ')}`);
}

/**
 * The shape to which shapes are broadcast, as in NumPy: axes are matched from the last, and a length of 1 meets any.
 * @param got what an error names: the shapes that these are parts of
 * @throws {ShapeError}
 */
export function broadcastShapes(op: string, shapes: readonly Shape[], got: readonly Shape[] = shapes): Shape {
  const rank = Math.max(0, ...shapes.map(({ length }) => length));
  const lengths = Array.from({ length: rank }, (_, axis) => {
    const met = shapes.map((shape) => shape[axis - rank + shape.length] ?? 1).filter((length) => length !== 1);
    return met[0] ?? 1;
  });
  for (const shape of shapes)
    expectShape(
      broadcastsTo(shape, lengths),
      op,
      `${got === shapes ? 'shapes' : 'leading axes'} that broadcast`,
      ...got,
    );
  return lengths;
}

/** Whether axes, matched from the last, have the same lengths, or 1. */
export function broadcastsTo(shape: Shape, to: Shape): boolean {
  const lead = to.length - shape.length;
  return lead >= 0 && shape.every((length, axis) => length === 1 || length === to[axis + lead]);
}

/** Places of axes, ascending: those below 0 count from the last; all of them unless given. @throws {ShapeError} */
export function axesOf(op: string, shape: Shape, axis?: number | readonly number[]): number[] {
  const given = axis === undefined ? [...shape.keys()] : typeof axis === 'number' ? [axis] : axis;
  const places = given.map((one) => (one < 0 ? one + shape.length : one));
  const fit = places.every((one) => Number.isInteger(one) && one >= 0 && one < shape.length);
  expectShape(fit && new Set(places).size === places.length, op, `axes ${given.join(', ')}`, shape);
  return places.toSorted((a, b) => a - b);
}
