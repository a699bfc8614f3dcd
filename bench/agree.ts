/** Judges whether several libraries computed the same training run. */

export interface Run {
  /** Who computed it, for the message. */
  who: string;
  losses: number[];
}

/**
 * The largest relative difference between the losses of the first run and of any other, over the steps both have.
 * Throws at the first step where one is further off than `tolerance` (1e-4: four significant digits), or not a number.
 */
export function checkAgreement(runs: Run[], tolerance = 1e-4): number {
  const [first, ...others] = runs;
  if (!first) return 0;
  let largest = 0;
  for (let step = 0; step < first.losses.length; step++) {
    for (const other of others) {
      if (step >= other.losses.length) continue;
      const off = relativeDifference(first.losses[step]!, other.losses[step]!);
      if (!(off <= tolerance)) throw new Error(disagreement(step, first, other));
      largest = Math.max(largest, off);
    }
  }
  return largest;
}

function relativeDifference(a: number, b: number): number {
  return Math.abs(a - b) / Math.abs(a);
}

function disagreement(step: number, a: Run, b: Run): string {
  const said = [a, b].map(({ who, losses }) => `${who} ${losses[step]}`).join(', ');
  return `bench: losses must agree to 4 digits, but at step ${step + 1} they are ${said}; no time is printed`;
}
