// A step taken apart, as lines for a terminal.
import type { StepKernel, StepRow } from '../bench-file.ts';
import type { Ceilings } from '../ceilings.ts';
import { boundSentence, figure, placeOf } from './step-roofline.ts';

const ms = (us: number): string => (us / 1000).toFixed(us < 10_000 ? 3 : 1);

export function stepTable(step: StepRow): string {
  const { name, shape, us, hostUs, gpuUs, readbackUs, dispatches, submits, bytes, kernels, roofline } = step;
  const moved = kernels.reduce((sum, one) => sum + (one.bytes ?? 0), 0);
  return [
    `${name}: ${shape}`,
    `  ${ms(us)} ms a step: ${ms(gpuUs)} ms of kernels one after the other, ${ms(hostUs)} ms of the host to encode and submit`,
    `  ${dispatches} dispatches in ${submits} submit${submits === 1 ? '' : 's'}; ${(bytes / 2 ** 20).toFixed(0)} MiB on the device, ${(moved / 2 ** 20).toFixed(0)} MiB moved at the least; a number comes back in ${ms(readbackUs)} ms`,
    ...(roofline ? [`  ${boundSentence(roofline, dispatches)}`] : []),
    ...kernelLines(kernels, gpuUs, roofline?.ceilings),
  ].join('\n');
}

const head = ['kernel', '', 'ms', '%', 'flops/byte', 'GFLOP/s', 'GB/s', '% of', 'ceiling', ''];

function kernelLines(kernels: readonly StepKernel[], gpuUs: number, ceilings: Ceilings | undefined): string[] {
  const rows = [head, ...kernels.map((one) => cellsOf(one, gpuUs, ceilings))];
  const widths = head.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const isText = (column: number): boolean => column === 0 || column >= 8;
  return rows.map((row) =>
    `  ${row.map((cell, column) => (isText(column) ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!))).join('  ')}`.trimEnd(),
  );
}

function cellsOf(one: StepKernel, gpuUs: number, ceilings: Ceilings | undefined): string[] {
  const place = ceilings && placeOf(one, ceilings);
  const cells = [one.kernel, `${one.count} ×`, ms(one.us), ((100 * one.us) / gpuUs).toFixed(1)];
  if (!place) return [...cells, '–', '–', '–', '–', '', ''];
  const { gflops, gbps, intensity, percent, bound } = place;
  const { fault = percent > 100 ? 'from caches' : '' } = place;
  const counted = gflops > 0 ? [figure(intensity), figure(gflops)] : ['–', '–'];
  return [...cells, ...counted, figure(gbps), percent.toFixed(percent < 10 ? 1 : 0), bound, fault];
}
