// The cases of the kernel bench that a training step consists of, at the step's own sizes.
import type { Program } from '@lockstep/tensor';
import { benchedOps } from './benched-ops.ts';

/** Each op and shape once, in the order of the step. Generated kernels, and ops that the bench does not know, are left out. */
export function casesOfStep({ dispatches }: Program): { readonly op: string; readonly shape: string }[] {
  const found = new Map<string, { op: string; shape: string }>();
  for (const dispatch of dispatches)
    for (const { op, of } of benchedOps) {
      const lengths = of?.(dispatch);
      if (lengths) found.set(`${op}\n${lengths.join('x')}`, { op, shape: lengths.join('x') });
    }
  return [...found.values()];
}
