// Rows of the kernel bench as a table for a terminal.
import type { BenchFile, KernelRow } from '../bench-file.ts';

const head = [
  'op',
  'shape',
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
  const isText = (column: number): boolean => column < 3 || column === 9 || column > 11;
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
  const what = [row.op, row.shape, row.family];
  if (row.status !== 'ok')
    return [...what, ...Array.from({ length: 9 }, () => '–'), `${row.status}: ${row.message.split('\n')[0]!}`];
  const { us, usP20, usP80, gflops, gbps, percent, bound, maxError, compileMs, fault = '' } = row;
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
    fault,
  ];
}

/** Three digits that matter. */
const figure = (value: number): string =>
  value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);

/** What every table begins with: whose figures they are. */
export function benchHeading({ adapter, machine, ceilings, lockstep, node }: BenchFile): string {
  const kind = adapter.software ? 'software adapter: a CPU does its work' : 'GPU';
  return [
    `${adapter.description} (${kind})`,
    `${machine.cpu}, ${machine.cores} cores, ${machine.system}, Node ${node}, Lockstep ${lockstep}; clocks: ${adapter.clocks}`,
    ...(ceilings.copyGbps > 0
      ? [`ceilings: ${figure(ceilings.copyGbps)} GB/s copied, ${figure(ceilings.fmaGflops)} GFLOP/s by multiply-add`]
      : []),
  ].join('\n');
}
