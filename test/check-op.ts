// Every op is judged by the checker that users have, in every family of kernels, each judgement a test of its own.
import { type CheckableOp, judgementsOf } from '@lockstep/tensor';
import { describe, test } from 'vitest';
import { casesOf, type FamilyCheck, inFamilies } from './families.ts';
import { device } from './gpu.ts';

export { noise } from '@lockstep/tensor';

/** The checks in other families than the adapter's take minutes. */
const part = process.env['LOCKSTEP_TEST_FULL'] ? 'rest' : 'quick';

/** The ops that have been checked, for the test that none is missing. */
export const checked: Set<unknown> = new Set();

/** Largest difference, relative to the largest magnitude expected; NaN counts as infinite. */
export { difference } from './difference.ts';

export function checkOp<Options = unknown>(op: CheckableOp<Options>, check: FamilyCheck<Options>): void {
  checked.add(op);
  const { dtype = 'f32' } = check;
  describe.each(casesOf(device, check, part))(`${op.name} of ${dtype} $title ($family)`, ({ sample, choice }) => {
    for (const { title: what, judge } of judgementsOf(device, op, { check, sample }))
      test(what, () => inFamilies(device, choice, judge));
  });
}
