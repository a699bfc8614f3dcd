// A step taken apart, as lines for a terminal.
import type { StepRow } from '../bench-file.ts';

const ms = (us: number): string => (us / 1000).toFixed(us < 10_000 ? 3 : 1);

export function stepTable({ name, shape, us, hostUs, gpuUs, readbackUs, ...step }: StepRow): string {
  const { dispatches, submits, bytes, kernels } = step;
  const width = Math.max(...kernels.map(({ kernel }) => kernel.length), 6);
  const shares = kernels.map(
    (one) =>
      `  ${one.kernel.padEnd(width)}  ${String(one.count).padStart(4)} ×  ${ms(one.us).padStart(9)} ms  ${((100 * one.us) / gpuUs).toFixed(1).padStart(5)} %`,
  );
  return [
    `${name}: ${shape}`,
    `  ${ms(us)} ms a step: ${ms(gpuUs)} ms of kernels one after the other, ${ms(hostUs)} ms of the host to encode and submit`,
    `  ${dispatches} dispatches in ${submits} submit${submits === 1 ? '' : 's'}; ${(bytes / 2 ** 20).toFixed(0)} MiB on the device; a number comes back in ${ms(readbackUs)} ms`,
    ...shares,
  ].join('\n');
}
