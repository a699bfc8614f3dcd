// What a built-in model has to be given, checked before it computes: a loss may hand on less than it got.
import { ConfigError } from '@lockstep/errors';
import type { ForwardInputs } from './define-model.ts';

/** @throws {ConfigError} naming the inputs that are missing. */
export function requireInputs<Name extends 'tokens' | 'positions' | 'random'>(
  who: string,
  inputs: Partial<ForwardInputs>,
  names: readonly Name[],
): void {
  const missing = names.filter((name) => inputs[name] === undefined);
  if (missing.length === 0) return;
  throw new ConfigError(
    `${who}: expected inputs ${names.join(', ')}, got none of the name ${missing.join(', ')}\nhint: a loss may hand on all that it is given: model.logits(inputs)`,
  );
}
