// From a description, which is plain data, to an optimizer on a device. A new optimizer is one more case here.
import type { Device } from '@lockstep/tensor';
import { type AdamWDescription, createAdamW } from './adam-w.ts';
import type { Optimizer, OptimizerTensors } from './optimizer.ts';
import { createSgd, type SgdDescription } from './sgd.ts';

export type OptimizerDescription = AdamWDescription | SgdDescription;

/** Allocates the described optimizer's state, of zeros. */
export function createOptimizer(
  description: OptimizerDescription,
  device: Device,
  tensors: OptimizerTensors,
): Optimizer {
  switch (description.kind) {
    case 'adamW':
      return createAdamW(description, device, tensors);
    case 'sgd':
      return createSgd(description, device, tensors);
  }
}
