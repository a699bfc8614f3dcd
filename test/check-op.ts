// Every op is judged by the checker that users have, in every family of kernels, each judgement a test of its own.
import {
  type CheckableOp,
  type Families,
  judgementsOf,
  type OpCheck,
  type OpSample,
  samplesOf,
} from '@lockstep/tensor';
import { describe, test } from 'vitest';
import { device, families, withFamilies } from './gpu.ts';

export { noise } from '@lockstep/tensor';

/** The ops that have been checked, for the test that none is missing. */
export const checked: Set<unknown> = new Set();

export interface FamilyCheck<Options> extends OpCheck<Options> {
  /** Whether the op has kernels in several families, or which kind of them; else what its adapter has chosen is enough. */
  readonly inEveryFamily?: boolean | keyof Families;
}

/** Largest difference, relative to the largest magnitude expected; NaN counts as infinite. */
export { difference } from './difference.ts';

export function checkOp<Options = unknown>(op: CheckableOp<Options>, check: FamilyCheck<Options>): void {
  checked.add(op);
  const choices = check.inEveryFamily ? distinct(check.inEveryFamily) : [['chosen', device.families] as const];
  const cases = samplesOf(check).flatMap((sample) =>
    choices.map(([family, choice]) => ({ sample, family, choice, title: title(sample) })),
  );
  const { dtype = 'f32' } = check;
  describe.each(cases)(`${op.name} of ${dtype} $title ($family)`, ({ sample, choice }) => {
    for (const { title: what, judge } of judgementsOf(device, op, { check, sample }))
      test(what, () => withFamilies(choice, judge));
  });
}

/** All families, or those that differ in one kind of kernels. */
function distinct(kind: true | keyof Families): typeof families {
  if (kind === true) return families;
  return families.filter(([, one], i) => families.findIndex(([, other]) => other[kind] === one[kind]) === i);
}

const title = ({ shapes, options }: OpSample): string =>
  `${shapes.map((shape) => shape.join('×') || 'scalar').join(', ')}${options === undefined ? '' : ` ${JSON.stringify(options)}`}`;
