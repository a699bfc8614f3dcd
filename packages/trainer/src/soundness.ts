// Numbers of a step that are NaN or infinite, found where they arise and named. All workers hold the same numbers when they ask,
// so they stop at the same step with the same words.
import { DivergedError, firstNonFinite, type TensorMap } from '@lockstep/nn';
import type { TrainState } from './state.ts';

const hint =
  'hint: lower schedule.peak, warm up longer, or set optimizer.clipNorm; with the same settings the same numbers come again';

/** @param what the number, and when it arose. @throws {DivergedError} when it is not finite as f32. */
export function requireFinite(what: string, value: number): void {
  if (!Number.isFinite(Math.fround(value)))
    throw new DivergedError(`train: expected a finite ${what}, got ${value}\n${hint}`);
}

/** An element of a named tensor. */
interface Place {
  readonly name: string;
  readonly index: number;
  readonly value: number;
}

const shown = ({ name, index, value }: Place): string => `${value} in ${name}[${index}]`;

/** The first element that is NaN or infinite, tensors in their order. Its index counts over the flat tensor. */
export function firstUnsound(tensors: TensorMap): string | undefined {
  for (const [name, { data }] of tensors) {
    const index = firstNonFinite(data);
    if (index >= 0) return shown({ name, index, value: data[index]! });
  }
  return undefined;
}

/** As {@link firstUnsound}, of a whole state: its weights first. */
export function firstUnsoundOf({ weights, optimizer }: TrainState): { what: string; found: string } | undefined {
  const kinds: Iterable<[string | undefined, TensorMap]> = [[undefined, weights], ...optimizer];
  for (const [kind, tensors] of kinds) {
    const found = firstUnsound(tensors);
    if (found !== undefined) return { what: wordsFor(kind), found };
  }
  return undefined;
}

/** What the numbers of a state are called in messages: the weights, or a kind that the optimizer keeps. */
export function wordsFor(kind: string | undefined): string {
  return kind === undefined ? 'weights' : `values of the optimizer's ${kind}`;
}

/** The error of a step whose gradient has a norm that is not finite. */
export function gradientsDiverged(step: number, norm: number, gradients: TensorMap): DivergedError {
  const found = firstUnsound(gradients);
  const text =
    found === undefined
      ? `a gradient whose norm f32 can hold in step ${step}, got ${norm}; the largest element is ${shown(largest(gradients))}`
      : `finite gradients in step ${step}, got ${found}`;
  return new DivergedError(`train: expected ${text}\n${hint}`);
}

/** The error of a step whose update wrote something that is not finite. */
export function stateDiverged(state: TrainState): DivergedError {
  const { what, found } = firstUnsoundOf(state) ?? { what: 'weights', found: 'others' };
  return new DivergedError(`train: expected finite ${what} after step ${state.step}, got ${found}\n${hint}`);
}

function largest(tensors: TensorMap): Place {
  let most: Place = { name: '', index: 0, value: 0 };
  for (const [name, { data }] of tensors) {
    for (const [index, value] of data.entries())
      if (Math.abs(value) > Math.abs(most.value)) most = { name, index, value };
  }
  return most;
}
