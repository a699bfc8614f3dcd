// A tensor through which no gradient flows.
import { compute, recorderOf } from '../graph/recorder.ts';
import type { Tensor } from '../tensor.ts';

/** The same elements, for which no gradient is asked. */
export function detach(x: Tensor): Tensor {
  return compute(recorderOf('detach', [x]), {
    name: 'detach',
    form: x,
    node: { kind: 'view', inputs: [x], view: { kind: 'reshape', from: x.shape, to: x.shape } },
    inputs: [],
  });
}
