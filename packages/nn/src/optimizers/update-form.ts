// How a parameter may be updated, which an update's recording tells: together with others and cut anywhere, or whole and in its own shape.
import {
  type Device,
  GraphDevice,
  isComputedAlike,
  isPointwiseIn,
  type Shape,
  sizeOf,
  type Tensor,
  workOf,
} from '@lockstep/tensor';
import type { ParameterSpec } from '../models/model.ts';
import { blockSize } from '../parameters.ts';
import type { States } from './define-optimizer.ts';
import type { Group } from './parameter-groups.ts';
import { initialStates, type Link, type NewValues, numbersOf, recordUpdate, type Updated } from './record-update.ts';

/** What a link remembers of a parameter. */
export interface StateSpec {
  readonly link: number;
  /** By the link. */
  readonly name: string;
  /** In checkpoints. */
  readonly stored: string;
  readonly shape: Shape;
}

export interface Form {
  readonly isWhole: boolean;
  /** The shapes of what is remembered of a parameter that is whole; else every state is as long as what is updated. */
  readonly states: readonly StateSpec[];
  /** Which of the states is used instead of the weights; undefined where they are used themselves. */
  readonly use: number | undefined;
  /** About how much work an update is, in numbers moved. */
  readonly work: number;
}

/** Finds forms by recording updates on a device that computes nothing. */
export class Forms {
  readonly #device = new GraphDevice();
  readonly #groups: readonly Group[];
  readonly #known = new Map<string, Form>();

  constructor(groups: readonly Group[]) {
    this.#groups = groups;
  }

  /** @throws {ConfigError} for an update that does not fit its definition. */
  of(spec: ParameterSpec, group: number): Form {
    const key = `${group} ${spec.shape.join()}`;
    const form =
      this.#known.get(key) ?? this.#device.scope(() => formOf(this.#device, this.#groups[group]!.links, spec));
    this.#known.set(key, form);
    return form;
  }
}

function formOf(device: Device, links: readonly Link[], spec: ParameterSpec): Form {
  const { name, shape } = spec;
  const own = recordTrial(device, links, spec);
  const states = specsOf(own.begun);
  const isWhole =
    !isPointwise(own, shape) || !isAlike(own, () => recordTrial(device, links, { name, shape: flatShape(shape) }));
  const used = links.map(({ definition }) => definition.use).findLastIndex((use) => use !== undefined);
  const use = states.findIndex((state) => state.link === used && state.name === links[used]?.definition.use);
  return {
    isWhole,
    states,
    use: use < 0 ? undefined : use,
    work: isWhole ? workOf(outputsOf(own.next)) : sizeOf(shape) * (3 + 2 * states.length),
  };
}

/** An update and what it begins with, recorded. */
export interface Trial extends Updated {
  readonly begun: readonly States[];
  /** What a link is told, in one order. */
  readonly told: readonly Tensor[];
  readonly next: NewValues;
}

/**
 * Records an update of a parameter by itself.
 * @param named told of every tensor that the update is given, before anything is recorded of it
 * @throws {ConfigError} for an update that does not fit its definition.
 */
export function recordTrial(
  device: Device,
  links: readonly Link[],
  { name: who, shape }: Pick<ParameterSpec, 'name' | 'shape'>,
  named: (tensor: Tensor, name: string) => void = () => undefined,
): Trial {
  const given = (name: string, own: Shape): Tensor => {
    const tensor = device.empty(own);
    named(tensor, name);
    return tensor;
  };
  const [weight, gradient] = [given('weight', shape), given('gradient', shape)];
  const begun = initialStates(links, weight);
  const states = begun.map((state, link) =>
    Object.fromEntries(
      Object.entries(state).map(([key, own]): [string, Tensor] => [key, given(`state ${link} ${key}`, own.shape)]),
    ),
  );
  const told = links.map((each, link) =>
    ['rate', 'step', 'norm', 'matrix', ...numbersOf(each)].map((key): [string, Tensor] => [
      key,
      given(`told ${link} ${key}`, []),
    ]),
  );
  const next = recordUpdate(
    links,
    { weight, gradient, states },
    (link) => Object.fromEntries(told[link]!) as never,
    who,
  );
  return { weight, gradient, states, begun, told: told.flatMap((one) => one.map(([, tensor]) => tensor)), next };
}

const valuesOf = (states: readonly States[]): Tensor[] => states.flatMap((state) => Object.values(state));

const outputsOf = ({ weight, states }: NewValues): Tensor[] => [weight, ...valuesOf(states)];

const sourcesOf = ({ weight, gradient, states, told }: Trial): Tensor[] => [
  weight,
  gradient,
  ...valuesOf(states),
  ...told,
];

/** Whether no element needs others than its own, from the beginning on. */
function isPointwise(trial: Trial, shape: Shape): boolean {
  const { weight, gradient, states, begun, next } = trial;
  const sources = new Set([weight, gradient, ...valuesOf(states)]);
  return (
    valuesOf(states).every((state) => state.shape.join() === shape.join()) &&
    [...outputsOf(next), ...valuesOf(begun)].every((output) => isPointwiseIn(output, sources))
  );
}

/** Whether the numbers of an update are the same in another shape. Where there cannot be any, they are not. */
function isAlike(own: Trial, recordOther: () => Trial): boolean {
  let other: Trial;
  try {
    other = recordOther();
  } catch {
    return false;
  }
  const namesOf = ({ begun }: Trial): string => begun.map((state) => Object.keys(state).join()).join(' ');
  if (namesOf(own) !== namesOf(other)) return false;
  const otherSources = sourcesOf(other);
  const pairs = new Map(sourcesOf(own).map((source, i) => [source, otherSources[i]!]));
  const [ownValues, otherValues] = [own, other].map(({ next, begun }) => [...outputsOf(next), ...valuesOf(begun)]) as [
    Tensor[],
    Tensor[],
  ];
  return ownValues.every((value, i) => isComputedAlike(value, otherValues[i]!, pairs));
}

/** A shape as many parameters together have, none of whose lengths nor whose size is one of the parameter's. */
function flatShape(shape: Shape): Shape {
  return [Math.max(Math.ceil(sizeOf(shape) / blockSize), ...shape) + 1, blockSize];
}

/** The second link that uses a name stores it under another. */
function specsOf(states: readonly States[]): StateSpec[] {
  const used = new Set<string>();
  return states.flatMap((state, link) =>
    Object.entries(state).map(([name, { shape }]) => {
      const stored = used.has(name) ? `${name}-${link + 1}` : name;
      used.add(stored);
      return { link, name, stored, shape };
    }),
  );
}
