// Checks of ops in every family of kernels that an adapter runs: the same on the device of Node's tests and in a page.
import { type Device, type Families, type OpCheck, type OpSample, samplesOf, subgroupFamilies } from '@lockstep/tensor';

export interface FamilyCheck<Options> extends OpCheck<Options> {
  /** Whether the op has kernels in several families, or which kind of them; else what its adapter has chosen is enough. */
  readonly inEveryFamily?: boolean | keyof Families;
}

type Named = readonly [name: string, families: Families];

/** Every family that an adapter can run, by name. */
export const familiesOf = ({ facts }: Device): readonly Named[] => [
  ['portable', { matmul: 'portable', attention: 'portable', rows: 'portable' }],
  ['tiled', { matmul: 'tiled', attention: 'tiled', rows: 'tiled' }],
  ...(facts.subgroups ? [['subgroup', subgroupFamilies(facts)] as const] : []),
];

/** Runs `work` with other kernel families than the adapter's own. */
export async function inFamilies<T>(device: Device, families: Families, work: () => Promise<T>): Promise<T> {
  const chosen = device.families;
  device.families = families;
  try {
    return await work();
  } finally {
    device.families = chosen;
  }
}

/** A sample in a family. */
export interface FamilyCase<Options> {
  readonly sample: OpSample<Options>;
  readonly family: string;
  readonly choice: Families;
  readonly title: string;
}

/**
 * Which samples meet which families: all of them; or what a quick look needs, the first sample of a check in every family and the others in
 * the adapter's own; or what a quick look leaves out.
 */
export type Part = 'all' | 'quick' | 'rest';

export function casesOf<Options>(
  device: Device,
  check: FamilyCheck<Options>,
  part: Part = 'all',
): FamilyCase<Options>[] {
  const own: Named = ['chosen', device.families];
  const every = check.inEveryFamily ? distinct(familiesOf(device), check.inEveryFamily) : undefined;
  const choicesOf = (index: number): readonly Named[] => {
    if (part === 'rest') return index > 0 ? (every ?? []) : [];
    return every && (part === 'all' || index === 0) ? every : [own];
  };
  return samplesOf(check).flatMap((sample, index) =>
    choicesOf(index).map(([family, choice]) => ({ sample, family, choice, title: titleOf(sample) })),
  );
}

/** All families, or those that differ in one kind of kernels. */
function distinct(families: readonly Named[], kind: true | keyof Families): readonly Named[] {
  if (kind === true) return families;
  return families.filter(([, one], i) => families.findIndex(([, other]) => other[kind] === one[kind]) === i);
}

const titleOf = ({ shapes, options }: OpSample): string =>
  `${shapes.map((shape) => shape.join('×') || 'scalar').join(', ')}${options === undefined ? '' : ` ${JSON.stringify(options)}`}`;
