// Tables of a report, which the page that measures shows, too: adapters, and kernels.
import type { BenchFile, KernelRow } from '../bench-file.ts';
import { noteOf, timerWords } from '../kernels/table.ts';
import { escaped } from './escaped.ts';

/** How adapters are called in tables and drawings, each by a name of its own: those whose work a CPU does say so. */
export function namesOf(files: readonly BenchFile[]): string[] {
  const names = files.map(nameOf);
  return names.map((name, i) => {
    const before = names.slice(0, i).filter((one) => one === name).length;
    return before === 0 ? name : `${name} ${before + 1}`;
  });
}

/** A browser tells vendor and architecture, and not the name of a card. */
function nameOf({ adapter, browser }: BenchFile): string {
  const { description, vendor, architecture, software } = adapter;
  // Those of software say what they were built with.
  const card = description.split(' ')[0]!.replace(/-llvm.*|-device-subzero-?$|-+$/, '') || vendor || 'adapter';
  const name = browser ? `${[vendor, architecture].filter(Boolean).join(' ') || card} in ${browser}` : card;
  return software ? `${name} (software)` : name;
}

export const figure = (value: number): string =>
  value >= 1000
    ? Math.round(value).toLocaleString('en-US')
    : value >= 100
      ? value.toFixed(0)
      : value < 1e-3 && value > 0
        ? value.toExponential(0)
        : value.toPrecision(3);

type Cell = string | number;

const cellOf = (value: Cell): string =>
  typeof value === 'number'
    ? `<td class="number" data-value="${value}">${Number.isFinite(value) ? figure(value) : ''}</td>`
    : `<td>${escaped(value)}</td>`;

const bodyOf = (rows: readonly (readonly Cell[])[]): string =>
  `<tbody>\n${rows.map((row) => `<tr>${row.map(cellOf).join('')}</tr>`).join('\n')}\n</tbody>`;

/** A table that sorts by any of its columns. @param above a row of heads for several columns each */
export function table(head: readonly string[], rows: readonly (readonly Cell[])[], above = ''): string {
  const isNumber = (column: number): boolean => typeof rows[0]?.[column] === 'number';
  const heads = head
    .map((name, column) => {
      const kind = isNumber(column) ? ' class="number"' : '';
      return `<th scope="col"${kind}><button type="button">${escaped(name)}</button></th>`;
    })
    .join('');
  return `<div class="scroll"><table class="sortable"><thead>${above}<tr>${heads}</tr></thead>\n${bodyOf(rows)}</table></div>`;
}

/** GB/s of the largest copies. */
function fastest({ transfers }: BenchFile, wanted: string): number {
  const own = transfers.filter(({ direction }) => direction === wanted);
  return own.toSorted((a, b) => b.bytes - a.bytes)[0]?.gbps ?? NaN;
}

/** A column for each adapter. */
export function adapters(files: readonly BenchFile[], names: readonly string[]): string {
  const row = (what: string, of: (file: BenchFile) => Cell): Cell[] => [what, ...files.map(of)];
  const rows = [
    row('GB/s copied', ({ ceilings }) => ceilings.copyGbps || NaN),
    row('GFLOP/s by multiply-add', ({ ceilings }) => ceilings.fmaGflops || NaN),
    row('GFLOP/s by matrices', ({ ceilings }) => ceilings.matrix?.gflops ?? NaN),
    row('µs a dispatch', ({ dispatchUs }) => dispatchUs || NaN),
    row('GB/s up', (file) => fastest(file, 'upload')),
    row('GB/s down', (file) => fastest(file, 'download')),
    row('driver’s words', ({ adapter }) => adapter.description),
    row('machine', ({ machine }) => `${machine.cpu}, ${machine.cores} cores, ${machine.system}`),
    row('clocks', ({ adapter }) => adapter.clocks),
    row('timed by', (file) => timerWords(file) || 'the adapter’s own clock, in nanoseconds'),
    row('software', ({ lockstep, node, browser, webgpu }) =>
      [`Lockstep ${lockstep}`, node && `Node ${node}`, browser, webgpu].filter(Boolean).join(', '),
    ),
    row('when', ({ created }) => `${created.slice(0, 16).replace('T', ' ')} UTC`),
  ].filter(([, ...cells]) => cells.some((cell) => typeof cell === 'string' || !Number.isNaN(cell)));
  const heads = ['', ...names].map((name) => `<th scope="col">${escaped(name)}</th>`).join('');
  return `<section><h2>Adapters and what they can do at best</h2>
<p>Ceilings are measured in the same run: a copy of memory, and multiply-adds that depend on nothing else.</p>
<div class="scroll"><table class="facts"><thead><tr>${heads}</tr></thead>\n${bodyOf(rows)}</table></div></section>`;
}

const figures = ['µs', 'GFLOP/s', 'GB/s', '% of ceiling'];

/** A kernel on each adapter, where it was measured. */
interface Entry {
  readonly what: readonly string[];
  readonly rows: (KernelRow | undefined)[];
}

/** All kernels, adapters side by side. */
export function kernels(files: readonly BenchFile[], names: readonly string[]): string {
  const entries = new Map<string, Entry>();
  for (const [i, file] of files.entries())
    for (const row of file.kernels) {
      const what = [row.op, row.shape, row.dtype, [row.family, ...constantsOf(row)].join(' ')];
      const entry = entries.get(what.join('\n')) ?? { what, rows: files.map(() => undefined) };
      entry.rows[i] = row;
      entries.set(what.join('\n'), entry);
    }
  if (entries.size === 0) return '';
  const head = ['op', 'shape', 'dtype', 'family', ...files.flatMap(() => figures), 'largest error', 'note'];
  const group = (name: string): string => `<th scope="colgroup" colspan="${figures.length}">${escaped(name)}</th>`;
  const above = `<tr><th colspan="4"></th>${names.map(group).join('')}<th colspan="2"></th></tr>`;
  const rows = [...entries.values()].map((entry) => kernelCells(entry, names));
  return `<section><h2>Kernels</h2>
<p>Each was compared with its definition in f64 before it was timed and again after. What was not right has no time.</p>
${table(head, rows, files.length > 1 ? above : '')}</section>`;
}

const constantsOf = ({ constants }: KernelRow): string[] =>
  Object.entries(constants).map(([name, value]) => `${name}=${value}`);

function kernelCells({ what, rows }: Entry, names: readonly string[]): Cell[] {
  const errors = rows.flatMap((row) => (row?.status === 'ok' ? [row.maxError] : []));
  const notes = rows.flatMap((row, i) => {
    const note = !row ? '' : row.status === 'ok' ? noteOf(row) : `${row.status}: ${row.message.split('\n')[0]!}`;
    return note ? [names.length > 1 ? `${names[i]!}: ${note}` : note] : [];
  });
  return [...what, ...rows.flatMap(figuresOf), errors.length > 0 ? Math.max(...errors) : NaN, notes.join('; ')];
}

function figuresOf(row: KernelRow | undefined): number[] {
  if (row?.status !== 'ok') return figures.map(() => NaN);
  const { us, gflops, gbps, percent } = row;
  return [us, gflops || NaN, gbps, percent];
}
