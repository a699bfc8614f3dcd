// Fewer axes for the same elements: axes that every operand walks as one become one, those of length 1 go. The fewer axes, the less
// arithmetic on indices in a kernel, and the fewer different kernels.

export interface Collapsed {
  readonly lengths: readonly number[];
  /** For each operand its steps. */
  readonly strides: readonly (readonly number[])[];
}

/** @param strides for each operand, a step for each length */
export function collapse(lengths: readonly number[], strides: readonly (readonly number[])[]): Collapsed {
  const axes: { length: number; steps: readonly number[] }[] = [];
  for (const [axis, length] of lengths.entries()) {
    if (length === 1) continue;
    const steps = strides.map((operand) => operand[axis]!);
    const outer = axes.at(-1);
    if (outer && outer.steps.every((step, i) => step === steps[i]! * length))
      axes[axes.length - 1] = { length: outer.length * length, steps };
    else axes.push({ length, steps });
  }
  return {
    lengths: axes.map(({ length }) => length),
    strides: strides.map((_, operand) => axes.map(({ steps }) => steps[operand]!)),
  };
}
