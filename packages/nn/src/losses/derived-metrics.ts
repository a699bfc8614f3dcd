// Metrics that a loss makes of means, on the host.
import { ConfigError } from '@lockstep/errors';
import { quoteValue } from '../quote.ts';
import { definitionOf } from '../settings/definition.ts';
import type { LossDefinition, LossValue } from './define-loss.ts';

/**
 * The means, and what the loss derives of them; without metrics that are not finite, such as a ratio of two zeros.
 * @param means of the loss and its metrics. @throws {ConfigError} for what is no number, or takes another's name.
 */
export function withDerived(
  loss: LossValue,
  means: Readonly<Record<string, number>> & { readonly loss: number },
): Record<string, number> {
  const { name, derive } = definitionOf<LossDefinition>(loss);
  const derived = Object.entries(derive?.(means) ?? {});
  for (const [metric, value] of derived) {
    if (typeof value !== 'number')
      throw new ConfigError(`${name}: derive: ${metric}: expected a number, got ${quoteValue(value)}`);
    if (Object.hasOwn(means, metric))
      throw new ConfigError(`${name}: derive: expected names of its own, got ${metric}, which is a mean already`);
  }
  const finite = [...Object.entries(means), ...derived].filter(
    ([metric, value]) => metric === 'loss' || Number.isFinite(value),
  );
  return Object.fromEntries(finite);
}
