// What is said of a tensor whose memory is gone.
import { DeviceError } from '@lockstep/errors';
import type { Tensor } from '../tensor.ts';

export function givenBack(tensor: Tensor): DeviceError {
  return new DeviceError(`device: expected a tensor that is there, got ${String(tensor)}, whose memory was given back
hint: what a scope or a captured function makes is there until it ends, but for what it returns`);
}
