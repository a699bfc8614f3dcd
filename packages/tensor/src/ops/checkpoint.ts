// Activations that are computed again on the way back, instead of being kept.
import { type Recorder, recorderOf } from '../graph/recorder.ts';
import type { Tensor } from '../tensor.ts';
import { detach } from './detach.ts';

/**
 * What `work` makes of tensors, without keeping what it computes in between: backward computes that again, to the same bits. Costs about
 * a third more computation for the memory of one block instead of all. Chen et al. 2016.
 *
 * ```ts
 * for (const block of blocks) x = checkpoint(block, x);
 * ```
 * @param work a function of its arguments, and of parameters; called once more on the way back
 */
export function checkpoint<Inputs extends readonly Tensor[]>(
  work: (...inputs: Inputs) => Tensor,
  ...inputs: Inputs
): Tensor {
  const recorder: Recorder = recorderOf('checkpoint', inputs);
  const { tape } = recorder;
  if (!tape) return work(...inputs);
  const drawn = recorder.draws;
  const inner = tape.forgetting(() => work(...inputs));
  if (!inner.tracked) return inner;
  const y = detach(inner);
  y.tracked = true;
  const gradient = (dy: Tensor): readonly 0[] => {
    // Going back through the ops themselves gives the inputs their gradients. What is random is drawn as it was.
    const after = recorder.draws;
    recorder.draws = drawn;
    tape.replay(() => recorder.recordingOn(tape, () => work(...inputs)), dy);
    recorder.draws = after;
    return inputs.map(() => 0);
  };
  tape.record({ name: 'checkpoint', inputs, y, gradient });
  return y;
}
