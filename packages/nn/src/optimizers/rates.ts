// The learning rates of a step: one for all that is updated, or one for each of an optimizer's groups.
import { ConfigError } from '@lockstep/errors';

/** One rate, or one by the name of each group of the optimizer. A group's `peak` multiplies it. */
export type Rates = number | Readonly<Record<string, number>>;

/** Every rate, by what it is called in messages. */
export function namedRates(rates: Rates): [name: string, rate: number][] {
  if (typeof rates === 'number') return [['learning rate', rates]];
  return Object.entries(rates).map(([group, rate]) => [`learning rate of ${group}`, rate]);
}

/** The rate of each of some groups. @throws {ConfigError} for a group without a rate, or a rate without a group. */
export function ratesOf(groups: readonly { readonly name: string }[], rates: Rates): number[] {
  if (typeof rates === 'number') return groups.map(() => rates);
  const names = groups.map(({ name }) => name);
  const unknown = Object.keys(rates).find((name) => !names.includes(name));
  const missing = names.find((name) => rates[name] === undefined);
  if (unknown === undefined && missing === undefined) return names.map((name) => rates[name]!);
  const got = unknown === undefined ? `none for ${missing}` : `one for ${unknown}`;
  throw new ConfigError(`rate: expected one for each group of the optimizer (${names.join(', ')}), got ${got}`);
}
