// What a run goes on from: its weights, what its optimizer remembers, and how far it has come.
import type { TensorMap } from '@lockstep/nn';

/** Everything that a run needs to go on: the weights, the optimizer's moments, and the number of steps they have seen. */
export interface TrainState {
  readonly step: number;
  readonly weights: TensorMap;
  /** By the optimizer's names for its tensors, then by parameter. */
  readonly optimizer: Map<string, TensorMap>;
  /** The weights to use, where the optimizer names others than those that are trained, such as an average of them. */
  readonly used?: TensorMap;
  /** The best validation so far, where a run ends for want of a better one. */
  readonly best?: BestValidation;
}

/** The best validation so far. */
export interface BestValidation {
  readonly value: number;
  /** Steps taken before it. */
  readonly step: number;
  /** Validations since then. */
  readonly since: number;
}
