// An update as ops: the links of a chain, one after the other, over tensors that stand for a parameter or for many at once.
import { ancestorsOf, full, sameShape, type Shape, Tensor } from '@lockstep/tensor';
import { ConfigError } from '@lockstep/errors';
import { definitionOf, settingsOf } from '../settings/definition.ts';
import type { CommonSettings } from './common-settings.ts';
import type { OptimizerDefinition, OptimizerValue, States, StepTensors } from './define-optimizer.ts';

/** One optimizer of a chain. */
export interface Link {
  readonly definition: OptimizerDefinition;
  readonly settings: object;
  /** By which the schedule's rate is multiplied: its own peak, and those of what it is part of. */
  readonly peak: number;
  /** Whose gradient's norm it is told: all parameters', or those of its group. */
  readonly norm: 'all' | 'group';
}

/** @throws {ConfigError} for a setting or a number by a name that is something else already. */
export function linkOf(value: OptimizerValue, { peak, norm }: Pick<Link, 'peak' | 'norm'>): Link {
  const { peak: own = 1 } = value as Partial<CommonSettings>;
  const link = {
    definition: definitionOf<OptimizerDefinition>(value),
    settings: settingsOf(value),
    peak: peak * own,
    norm,
  };
  const names = [...told, ...Object.keys(link.settings), ...numbersOf(link)];
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice === undefined) return link;
  throw new ConfigError(
    `${link.definition.name}: expected settings and numbers by names of their own, other than ${told.join(', ')}, got ${twice} twice`,
  );
}

/** What every link is told. */
const told = ['rate', 'step', 'norm', 'matrix'] as const;

/** Names of the numbers of a step. */
export function numbersOf({ definition, settings }: Pick<Link, 'definition' | 'settings'>): string[] {
  return Object.keys(definition.numbers?.(settings, 1) ?? {});
}

/** The numbers of a step, in the order of {@link numbersOf}. @throws {ConfigError} where there are others than in the first. */
export function numbersAt({ definition, settings }: Link, names: readonly string[], step: number): number[] {
  const found = definition.numbers?.(settings, step) ?? {};
  if (Object.keys(found).join() === names.join()) return Object.values(found);
  throw new ConfigError(
    `${definition.name}: numbers: expected ${names.join(', ') || 'none'} in every step, got ${Object.keys(found).join(', ') || 'none'} in step ${step}`,
  );
}

/** What an update is recorded over. */
export interface Updated {
  readonly weight: Tensor;
  readonly gradient: Tensor;
  /** What each link remembers, by its own names. */
  readonly states: readonly States[];
}

/** New values. */
export interface NewValues {
  readonly weight: Tensor;
  readonly states: readonly States[];
}

/** What a link is told beside its settings. */
export type ContextOf = (link: number) => StepTensors & Readonly<Record<string, Tensor>>;

/** Names that a state cannot have: what `update` has under them is something else. */
const taken = ['weight', 'gradient', 'norm'];
/** State is stored under its name and a slash. */
const namePattern = /^[A-Za-z_][\w-]*$/;

/** Begins what each link remembers of a weight. @throws {ConfigError} for what is no tensor, or has no name that a state may have. */
export function initialStates(links: readonly Link[], weight: Tensor): States[] {
  return links.map(({ definition, settings }) => {
    const { name, use } = definition;
    const begun = definition.state?.(weight, settings) ?? {};
    const other = Object.entries(begun).find(([, value]) => !(value instanceof Tensor && value.dtype === 'f32'));
    if (other)
      throw new ConfigError(
        `${name}: state.${other[0]}: expected a tensor f32, got ${other[1] instanceof Tensor ? other[1].dtype : typeof other[1]}`,
      );
    const bad = Object.keys(begun).find((key) => taken.includes(key) || !namePattern.test(key));
    if (bad !== undefined)
      throw new ConfigError(
        `${name}: state: expected names of letters and digits other than ${taken.join(', ')}, got ${JSON.stringify(bad)}`,
      );
    if (use !== undefined && !(begun[use] && sameShape(begun[use].shape, weight.shape)))
      throw new ConfigError(`${name}: use: expected the name of a state that is like the weight, got ${use}`);
    return begun;
  });
}

/**
 * Records the links' updates.
 * @param who the parameter, for messages
 * @throws {ConfigError} for values that are missing, too many, or of another shape, and for links in an order that cannot be meant.
 */
export function recordUpdate(links: readonly Link[], updated: Updated, contextOf: ContextOf, who: string): NewValues {
  let { weight, gradient } = updated;
  const chain = new ChainRules(links);
  const states = links.map(({ definition, settings }, i): States => {
    const before = updated.states[i]!;
    const context = contextOf(i);
    const norm = chain.normFor(i, context.norm);
    const given: unknown = definition.update({ ...before, weight, gradient }, {
      ...context,
      ...settings,
      norm,
    } as never);
    const next = checked(definition.name, given, { before, weight, who });
    chain.follow(i, { before: gradient, norm, next });
    const { weight: moved = weight, gradient: turned = gradient, norm: _, ...rest } = next;
    [weight, gradient] = [moved, turned];
    return rest as States;
  });
  chain.end();
  return { weight, states };
}

/** What a link gave, once it is checked. */
type Next = Readonly<Partial<Record<string, Tensor>>>;

/** What links of a chain owe one another: a gradient that one changes has to be used, and its norm has to be known where it is. */
class ChainRules {
  readonly #links: readonly Link[];
  /** The link that changed the gradient last, while none that moves the weight has followed. */
  #waiting: number | undefined;
  #isMoved = false;
  /** The link that changed the gradient last, with its norm where it told that. */
  #changed: { readonly link: number; readonly norm: Tensor | undefined } | undefined;

  constructor(links: readonly Link[]) {
    this.#links = links;
  }

  /** The norm that a link is told: of the gradient as it came, or as the links before it say. */
  normFor(link: number, asItCame: Tensor): Tensor {
    if (!this.#changed) return asItCame;
    const { link: from, norm } = this.#changed;
    // One of nothing, which may be handed on, but not be used.
    return norm && this.#links[from]!.norm === this.#links[link]!.norm ? norm : full(asItCame.device, [], 0);
  }

  /** @throws {ConfigError} for a norm that nobody knows. */
  follow(link: number, { before, norm, next }: { before: Tensor; norm: Tensor; next: Next }): void {
    const isUnknown = this.#changed !== undefined && norm !== this.#changed.norm;
    if (isUnknown && Object.values(next).some((value) => value && isComputedOf(value, norm)))
      throw new ConfigError(
        `${this.#nameOf(link)}: expected gradients as they came where their norm is used, got them behind ${this.#nameOf(this.#changed!.link)}\nhint: put it first, or turn its own clipping off: clipNorm: 0`,
      );
    this.#isMoved ||= next['weight'] !== undefined;
    if (next['weight'] && isComputedOf(next['weight'], before)) this.#waiting = undefined;
    if (!next['gradient'] || next['gradient'] === before) return;
    this.#waiting = link;
    this.#changed = { link, norm: next['norm'] };
  }

  /** @throws {ConfigError} where no link moves the weight, or none takes a changed gradient. */
  end(): void {
    const example =
      'hint: clipByGlobalNorm stands before what moves weights, ema behind it: chain(clipByGlobalNorm(1), adamW(), ema(0.999))';
    const names = this.#links.map((_, link) => this.#nameOf(link)).join(', ');
    if (!this.#isMoved)
      throw new ConfigError(`${names}: expected an update that returns a weight, got none\n${example}`);
    if (this.#waiting !== undefined)
      throw new ConfigError(
        `${this.#nameOf(this.#waiting)}: expected a link behind it that moves weights by its gradient, got ${names}\n${example}`,
      );
  }

  #nameOf(link: number): string {
    return this.#links[link]!.definition.name;
  }
}

/** Whether a tensor is another, or computed of it. */
export function isComputedOf(tensor: Tensor, source: Tensor): boolean {
  for (const one of ancestorsOf(tensor)) if (one === source) return true;
  return false;
}

function checked(
  name: string,
  given: unknown,
  { before, weight, who }: { before: States; weight: Tensor; who: string },
): Next {
  if (typeof given !== 'object' || given === null)
    throw new ConfigError(`${name}: expected new values by name, such as { weight }, got ${typeof given}`);
  const shapes: Record<string, Shape> = { weight: weight.shape, gradient: weight.shape, norm: [] };
  for (const [state, tensor] of Object.entries(before)) shapes[state] = tensor.shape;
  for (const [key, value] of Object.entries(given as Record<string, unknown>)) {
    const shape = Object.hasOwn(shapes, key) ? shapes[key] : undefined;
    if (!shape)
      throw new ConfigError(`${name}: expected new values of ${Object.keys(shapes).join(', ')}, got one of ${key}`);
    if (value instanceof Tensor && sameShape(value.shape, shape) && value.dtype === 'f32') continue;
    const got = value instanceof Tensor ? `${value.dtype} [${value.shape.join(', ')}]` : typeof value;
    throw new ConfigError(`${name}: ${key} of ${who}: expected a tensor f32 [${shape.join(', ')}], got ${got}`);
  }
  return requireRemembered(name, given as Next, before);
}

/** A state of which nothing new comes has been forgotten. */
function requireRemembered(name: string, given: Next, before: States): Next {
  const forgotten = Object.keys(before).find((state) => !Object.hasOwn(given, state));
  if (forgotten === undefined) return given;
  throw new ConfigError(
    `${name}: expected a new value of its state ${forgotten} from update, got ${Object.keys(given).join(', ') || 'nothing'}\nhint: what stays as it is, is returned as it is: ${forgotten}`,
  );
}
