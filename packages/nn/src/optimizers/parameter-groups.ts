// Which parameters are updated by what: an optimizer's groups, with the links that each goes through.
import { ConfigError } from '@lockstep/errors';
import type { ParameterSpec } from '../models/model.ts';
import { definitionOf, settingsOf } from '../settings/definition.ts';
import type { CommonSettings } from './common-settings.ts';
import type { OptimizerDefinition, OptimizerParts, OptimizerValue } from './define-optimizer.ts';
import { type Link, linkOf } from './record-update.ts';

/** Parameters that are updated by the same links, and have a norm of their own. */
export interface Group {
  readonly name: string;
  readonly links: readonly Link[];
  readonly takes: (spec: ParameterSpec) => boolean;
}

const partsOf = (value: OptimizerValue): OptimizerParts | undefined =>
  definitionOf<OptimizerDefinition>(value).parts?.(settingsOf(value));

/** The groups of an optimizer; one of all parameters where it has none. @throws {ConfigError} for groups inside groups. */
export function groupsOf(value: OptimizerValue): Group[] {
  const all = withoutGroups(value, { name: value.kind, peak: 1, norm: 'all' });
  const { matches } = value as Partial<CommonSettings>;
  return matches === undefined ? all : all.map((group) => ({ ...group, takes: both(taker(matches), group) }));
}

type Place = Pick<Link, 'peak' | 'norm'> & { readonly name: string };

function withoutGroups(value: OptimizerValue, place: Place): Group[] {
  const parts = partsOf(value);
  if (!parts) return [{ name: place.name, links: [linkOf(value, place)], takes: () => true }];
  const { peak: own = 1 } = value as Partial<CommonSettings>;
  const inside = { ...place, peak: place.peak * own };
  return 'links' in parts ? chained(parts.links, inside) : grouped(parts.groups, inside);
}

/** Links before and after groups are in each of them. */
function chained(links: readonly OptimizerValue[], place: Place): Group[] {
  return links
    .map((link) => withoutGroups(link, place))
    .reduce((before, after) => {
      if (before.length > 1 && after.length > 1) throw twiceGrouped('two of them in a chain');
      return before.flatMap((first) =>
        after.map((next) => ({
          name: before.length > 1 ? first.name : next.name,
          links: [...first.links, ...next.links],
          takes: both(first.takes, next),
        })),
      );
    });
}

function grouped(entries: Readonly<Record<string, OptimizerValue>>, place: Place): Group[] {
  if (place.norm === 'group') throw twiceGrouped('some inside an entry of others');
  return Object.entries(entries).map(([name, value]) => {
    const { matches } = value as Partial<CommonSettings>;
    const [group] = withoutGroups(value, { ...place, name, norm: 'group' }) as [Group];
    return { ...group, takes: matches === undefined ? takerOf(name) : taker(matches) };
  });
}

const twiceGrouped = (got: string): ConfigError =>
  new ConfigError(`groups: expected groups at one place of an optimizer, got ${got}`);

const both =
  (first: Group['takes'], next: Group): Group['takes'] =>
  (spec) =>
    first(spec) && next.takes(spec);

function taker(matches: string): Group['takes'] {
  const pattern = new RegExp(matches, 'u');
  return ({ name }) => pattern.test(name);
}

/** Whether a group of this name takes a parameter. */
function takerOf(name: string): Group['takes'] {
  if (name === 'rest') return () => true;
  if (name === 'matrices') return ({ shape, group }) => group === undefined && shape.length === 2;
  if (name === 'vectors') return ({ shape, group }) => group === undefined && shape.length < 2;
  return ({ group }) => group === name;
}

/** The first group that takes a parameter. @throws {ConfigError} where none does. */
export function groupOf(who: string, groups: readonly Group[], spec: ParameterSpec): number {
  const found = groups.findIndex(({ takes }) => takes(spec));
  if (found >= 0) return found;
  throw new ConfigError(
    `${who}: expected one of ${groups.map(({ name }) => name).join(', ')} to take ${spec.name} [${spec.shape.join(', ')}], got none\nhint: rest takes whatever is left`,
  );
}

/** @throws {ConfigError} for a group that takes nothing. */
export function requireWork(
  who: string,
  { groups, taken }: { groups: readonly Group[]; taken: readonly number[] },
  specs: readonly ParameterSpec[],
): void {
  const idle = groups.find((_, i) => !taken.includes(i));
  if (!idle) return;
  const own = [...new Set(specs.flatMap(({ group }) => group ?? []))].join(', ');
  throw new ConfigError(
    `${who}: expected parameters for ${idle.name}, got none\nhint: groups of this model’s layers are ${own || 'not named'}; matrices, vectors and rest take by shape, others by matches: /…/`,
  );
}
