// Gradients of a loss: of parameters, which keep them, and of other tensors, which are given back.
import type { Device } from '../device/device.ts';
import { DeviceError } from '../errors.ts';
import type { Tensor } from '../tensor.ts';
import { Tape, type TapeOptions } from './tape.ts';

/**
 * Runs `forward` under a tape, then backward from the loss it returns; parameters' gradients are filled with the sum over the
 * pass's shards.
 * @returns the loss, of each shard
 */
export function differentiate(device: Device, forward: () => Tensor, options: TapeOptions = {}): Tensor {
  return withGradients(device, forward, { ...options, wanted: [] }).loss;
}

export interface GradientOptions extends TapeOptions {
  /** Tensors, not parameters, with respect to which the loss is differentiated. */
  readonly wanted: readonly Tensor[];
  /** Makes the gradient of the loss itself; 1 for every element unless given. */
  readonly seed?: (loss: Tensor) => Tensor;
}

/**
 * As {@link differentiate}, with the gradients of some tensors: of each shard, undefined where the loss does not depend on one.
 * @throws {DeviceError} within what is differentiated itself: second derivatives are not offered
 */
export function withGradients(
  device: Device,
  forward: () => Tensor,
  { wanted, seed, ...options }: GradientOptions,
): { loss: Tensor; gradients: readonly (Tensor | undefined)[] } {
  if (device.tape)
    throw new DeviceError(
      'withGradients: expected work that is not itself differentiated, got some that is: there are no second derivatives\nhint: compute the gradient before, and use it as a constant',
    );
  const tape = new Tape(device, options, wanted);
  const before = wanted.map(({ tracked }) => tracked);
  for (const tensor of wanted) tensor.tracked = true;
  try {
    return device.scope(() => {
      const loss = device.recordingOn(tape, forward);
      // What computes gradients is not differentiated again.
      device.recordingOn(undefined, () => tape.backward(loss, seed?.(loss)));
      return { loss, gradients: wanted.map((tensor) => tape.gradientOf(tensor)) };
    });
  } finally {
    wanted.forEach((tensor, i) => (tensor.tracked = before[i]!));
  }
}
