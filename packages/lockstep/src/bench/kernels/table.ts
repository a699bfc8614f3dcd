// Rows of the kernel bench as a table for a terminal.
import type { BenchFile, KernelRow, MeasuredRow } from '../bench-file.ts';

const head = [
  'op',
  'shape',
  'dtype',
  'family',
  'µs',
  'p20',
  'p80',
  'GFLOP/s',
  'GB/s',
  '% of',
  'ceiling',
  'error',
  'compile ms',
  '',
];

export function kernelTable(rows: readonly KernelRow[]): string {
  const cells = [head, ...rows.map(cellsOf)];
  const widths = head.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)));
  const isText = (column: number): boolean => column < 4 || column === 10 || column > 12;
  return cells
    .map((row) =>
      row
        .map((cell, column) => (isText(column) ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function cellsOf(row: KernelRow): string[] {
  const what = [row.op, row.shape, row.dtype, row.family];
  if (row.status !== 'ok')
    return [...what, ...Array.from({ length: 9 }, () => '–'), `${row.status}: ${row.message.split('\n')[0]!}`];
  const { us, usP20, usP80, gflops, gbps, percent, bound, maxError, compileMs } = row;
  const times = [us, usP20, usP80].map(figure);
  return [
    ...what,
    ...times,
    gflops === 0 ? '–' : figure(gflops),
    figure(gbps),
    percent.toFixed(percent < 10 ? 1 : 0),
    bound,
    maxError.toExponential(0),
    compileMs.toFixed(0),
    noteOf(row),
  ];
}

/** What is to be said of a row above a ceiling; nothing of others. */
export const noteOf = ({ fault, percent }: MeasuredRow): string => fault ?? (percent > 100 ? 'from caches' : '');

/** Three digits that matter. */
const figure = (value: number): string =>
  value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);

function ceilingWords({ copyGbps, fmaGflops, matrix }: BenchFile['ceilings']): string {
  const words = [`${figure(copyGbps)} GB/s copied`, `${figure(fmaGflops)} GFLOP/s by multiply-add`];
  return [...words, ...(matrix ? [`${figure(matrix.gflops)} by subgroup matrices of ${matrix.form}`] : [])].join(', ');
}

/** By whose clock times are, where that is not the GPU's own, of nanoseconds; empty where it is. */
export function timerWords({ timer }: Pick<BenchFile, 'timer'>): string {
  if (!timer) return '';
  const steps = `in steps of ${figure(timer.grainUs)} µs`;
  if (timer.of === 'host') return `timed by the host’s clock, ${steps}, over many runs at once`;
  return timer.grainUs > 1 ? `the adapter’s own clock goes ${steps}: timed over many runs at once` : '';
}

/** What every table begins with: whose figures they are. */
export function benchHeading(file: BenchFile): string {
  const { adapter, machine, ceilings, lockstep, node, browser, webgpu } = file;
  const kind = adapter.software ? 'software adapter: a CPU does its work' : 'GPU';
  const software = [node && `Node ${node}`, browser, webgpu, `Lockstep ${lockstep}`].filter(Boolean).join(', ');
  return [
    `${adapter.description} (${kind})`,
    `${machine.cpu}, ${machine.cores} cores, ${machine.system}, ${software}; clocks: ${adapter.clocks}`,
    ...[timerWords(file)].filter(Boolean),
    ...(ceilings.copyGbps > 0 ? [`ceilings: ${ceilingWords(ceilings)}`] : []),
  ].join('\n');
}
