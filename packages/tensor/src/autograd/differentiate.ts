// Gradients of a loss: of parameters, which keep them, and of other tensors, which are given back.
import type { Device } from '../device/device.ts';
import { DeviceError } from '@lockstep/errors';
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
  /**
   * Tensors, not parameters, with respect to which the loss is differentiated; or a function that gives them when forward is done, of those
   * for which {@link GradientTape.want} was called on the way.
   */
  readonly wanted: readonly Tensor[] | (() => readonly Tensor[]);
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
  const known = typeof wanted === 'function' ? [] : wanted;
  const tape = new Tape(device, options, known);
  const before = known.map(({ tracked }) => tracked);
  for (const tensor of known) tensor.tracked = true;
  try {
    return device.scope(() => {
      const loss = device.recordingOn(tape, forward);
      // What computes gradients is not differentiated again.
      device.recordingOn(undefined, () => tape.backward(loss, seed?.(loss)));
      const all = typeof wanted === 'function' ? wanted() : wanted;
      return { loss, gradients: all.map((tensor) => tape.gradientOf(tensor)) };
    });
  } finally {
    known.forEach((tensor, i) => (tensor.tracked = before[i]!));
  }
}
