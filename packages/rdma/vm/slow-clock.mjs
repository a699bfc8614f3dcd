// @ts-check
// The guest's clock as the bridge sees it, for emulation is some ten times slower than a machine: connections take as
// long, and the bridge has patience for so and so many milliseconds.

const slowness = 10;

export const performance = { now: () => globalThis.performance.now() / slowness };
