// Optimizers made of others: links that follow one another, and groups of parameters that have each their own.
import type * as z from 'zod';
import { ConfigError } from '@lockstep/errors';
import { defined, isDefined, valueOf } from '../settings/definition.ts';
import { settings } from '../settings/settings.ts';
import { type CommonOptions, commonSettings, type CommonSettings, plainOptions } from './common-settings.ts';
import type { OptimizerDefinition, OptimizerParts, OptimizerValue } from './define-optimizer.ts';

type Parts = Readonly<Record<string, OptimizerValue>>;

const optimizer = (): z.ZodType => valueOf('optimizer', 'an optimizer, such as adamW({ … })');

function requireOptimizers(who: string, parts: Readonly<Record<string, unknown>>): void {
  const values = Object.values(parts);
  if (values.length === 0) throw new ConfigError(`${who}: expected optimizers, such as adamW({ … }), got none`);
  const [name, other] = Object.entries(parts).find(([, value]) => !isDefined(value, 'optimizer')) ?? [];
  if (name === undefined) return;
  throw new ConfigError(
    `${who}: ${name}: expected an optimizer, such as adamW({ … }), got ${typeof other}${typeof other === 'function' ? '\nhint: call it' : ''}`,
  );
}

interface Composition {
  readonly name: string;
  readonly parts: Parts;
  readonly options: CommonOptions;
  /** What a part cannot be told. */
  readonly refused: readonly (keyof CommonSettings)[];
  readonly as: (parts: Parts) => OptimizerParts;
}

/** Settings of what is made of others: each under its own name. */
function compose({ name, parts, options, refused, as }: Composition): OptimizerValue<CommonSettings> {
  requireOptimizers(name, parts);
  const taken = Object.keys(parts).find((part) => part === 'kind' || Object.hasOwn(commonSettings, part));
  if (taken !== undefined)
    throw new ConfigError(`${name}: expected names of parts that are no settings of its own, got ${taken}`);
  const shape = Object.fromEntries(Object.keys(parts).map((key) => [key, optimizer()]));
  const partsIn = (values: object): Parts =>
    Object.fromEntries(Object.keys(parts).map((key) => [key, (values as Parts)[key]!]));
  const definition: OptimizerDefinition = {
    role: 'optimizer',
    name,
    settings: settings({ ...commonSettings, ...shape }) as never,
    check: (values) => misplaced(partsIn(values), refused),
    update: () => ({}),
    parts: (values) => as(partsIn(values)),
  };
  return defined(definition, { ...plainOptions(options), ...parts }) as OptimizerValue<CommonSettings>;
}

const places: Readonly<Record<keyof CommonSettings, string>> = {
  peak: '',
  shard: 'on the outermost optimizer, where it holds for all',
  matches: 'on an entry of groups as a whole',
};

function misplaced(parts: Parts, refused: readonly (keyof CommonSettings)[]): string | undefined {
  for (const [part, value] of Object.entries(parts))
    for (const setting of refused)
      if ((value as Partial<CommonSettings>)[setting] !== undefined)
        return `${part}.${setting}: expected ${setting} ${places[setting]}, got it on ${value.kind}`;
  return undefined;
}

/**
 * One after the other: each link sees the gradient and the weight that those before it leave. Settings are reached by the links' names:
 * `--set optimizer.lion.beta1=0.95`, and `lion-2` for the second of a name. One of them may be `groups`: what stands before and after it
 * is for all parameters.
 *
 * ```ts
 * optimizer: chain(clipByGlobalNorm(1), lion({ weightDecay: 0.2 }), ema(0.999), { shard: true })
 * ```
 * @throws {ConfigError}
 */
export function chain(
  ...links: readonly OptimizerValue[] | readonly [...OptimizerValue[], CommonOptions]
): OptimizerValue<CommonSettings> {
  const last = links.at(-1);
  const options = isOptions(last) ? last : {};
  const names = new Map<string, number>();
  const named = (options === last ? links.slice(0, -1) : links).map((link): [string, OptimizerValue] => {
    const kind = isDefined(link) ? link.kind : 'link';
    const count = (names.get(kind) ?? 0) + 1;
    names.set(kind, count);
    return [count === 1 ? kind : `${kind}-${count}`, link as OptimizerValue];
  });
  const as = (parts: Parts): OptimizerParts => ({ links: Object.values(parts) });
  return compose({ name: 'chain', parts: Object.fromEntries(named), options, refused: ['shard', 'matches'], as });
}

const isOptions = (value: unknown): value is CommonOptions =>
  typeof value === 'object' && value !== null && !isDefined(value);

/**
 * Each parameter to the first entry that takes it: one whose `matches` has a match in its name; one of the name that its layer gives as
 * `group`; `matrices` takes what has two axes and is neither an embedding nor in a group of its own; `vectors` what has fewer than two;
 * `rest` whatever is left.
 *
 * ```ts
 * optimizer: groups({ slow: sgd({ matches: /^head/, peak: 0.1 }), matrices: muon({ peak: 0.02 }), rest: adamW({ peak: 4e-3 }) })
 * ```
 * @throws {ConfigError}
 */
export function groups(
  entries: Readonly<Record<string, OptimizerValue>>,
  options: CommonOptions = {},
): OptimizerValue<CommonSettings> {
  return compose({ name: 'groups', parts: entries, options, refused: ['shard'], as: (parts) => ({ groups: parts }) });
}
