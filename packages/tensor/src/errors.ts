// The two ways in which tensor code fails: a shape that does not fit, and a device that does not answer as it should.

/** Shapes that do not fit an op. `who: rule, got value`. */
export class ShapeError extends Error {
  readonly code = 'SHAPE';
  override readonly name = 'ShapeError';
}

/** A WebGPU adapter that is missing, lost, out of memory, or that refused a command. */
export class DeviceError extends Error {
  readonly code = 'DEVICE';
  override readonly name = 'DeviceError';
}
