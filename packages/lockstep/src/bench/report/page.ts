// One page about several adapters that needs nothing else: text, tables, drawings, and a few lines that sort the tables.
import type { BenchFile, KernelRow, StepRow } from '../bench-file.ts';
import { drawRoofline, drawSizes } from './charts.ts';
import { escaped } from './escaped.ts';

export async function reportPage(given: readonly BenchFile[]): Promise<string> {
  const files = byAdapter(given);
  const names = files.map(nameOf);
  const sections = [
    adapters(files, names),
    kernels(files, names),
    await drawRoofline(files, names),
    await drawSizes(files, names),
    ...files.flatMap(({ steps }, i) => steps.map((step) => stepSection(step, names[i]!))),
    peers(files, names),
  ].filter(Boolean);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>Lockstep: kernels on ${escaped(names.join(', '))}</title>
<style>${style}</style>
</head>
<body>
<main>
<h1>Kernels on ${names.length === 1 ? 'one adapter' : `${names.length} adapters`}</h1>
${sections.join('\n')}
</main>
<script>${sorting}</script>
</body>
</html>
`;
}

/** Files of one adapter on one machine as one, with the ceilings of the first. */
function byAdapter(files: readonly BenchFile[]): BenchFile[] {
  const merged = new Map<string, BenchFile>();
  for (const file of files) {
    const key = `${file.adapter.description}\n${file.machine.cpu}\n${file.lockstep}`;
    const first = merged.get(key);
    merged.set(key, first ? joined(first, file) : file);
  }
  return [...merged.values()];
}

function joined(a: BenchFile, b: BenchFile): BenchFile {
  return {
    ...a,
    dispatchUs: a.dispatchUs || b.dispatchUs,
    kernels: [...a.kernels, ...b.kernels],
    steps: [...a.steps, ...b.steps],
    transfers: [...a.transfers, ...b.transfers],
    peers: [...a.peers, ...b.peers],
  };
}

/** How an adapter is called in tables and drawings: those whose work a CPU does say so. */
const nameOf = ({ adapter }: BenchFile): string =>
  `${adapter.description.split(' ')[0]!.replace(/-+$/, '') || adapter.vendor || 'adapter'}${adapter.software ? ' (software)' : ''}`;

const figure = (value: number): string =>
  value >= 1000 ? Math.round(value).toLocaleString('en-US') : value >= 100 ? value.toFixed(0) : value.toPrecision(3);

function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const cell = (value: string | number): string =>
    typeof value === 'number'
      ? `<td class="number" data-value="${value}">${Number.isFinite(value) ? figure(value) : ''}</td>`
      : `<td>${escaped(value)}</td>`;
  return `<div class="scroll"><table>
<thead><tr>${head.map((name) => `<th scope="col"><button type="button">${escaped(name)}</button></th>`).join('')}</tr></thead>
<tbody>
${rows.map((row) => `<tr>${row.map(cell).join('')}</tr>`).join('\n')}
</tbody></table></div>`;
}

function adapters(files: readonly BenchFile[], names: readonly string[]): string {
  const rows = files.map((file, i) => [
    names[i]!,
    file.adapter.description,
    `${file.machine.cpu}, ${file.machine.cores} cores`,
    file.adapter.clocks,
    file.ceilings.copyGbps,
    file.ceilings.fmaGflops,
    file.dispatchUs || NaN,
    file.transfers.find(({ direction }) => direction === 'upload')?.gbps ?? NaN,
    file.transfers.find(({ direction }) => direction === 'download')?.gbps ?? NaN,
    file.created,
    file.lockstep,
  ]);
  return `<section><h2>Adapters and what they can do at best</h2>
<p>Ceilings are measured in the same run: a copy of memory, and multiply-adds that depend on nothing else.</p>
${table(['adapter', 'driver’s words', 'machine', 'clocks', 'GB/s copied', 'GFLOP/s', 'µs a dispatch', 'GB/s up', 'GB/s down', 'when', 'Lockstep'], rows)}</section>`;
}

function kernels(files: readonly BenchFile[], names: readonly string[]): string {
  const rows = files.flatMap((file, i) => file.kernels.map((row) => kernelRow(row, names[i]!)));
  if (rows.length === 0) return '';
  return `<section><h2>Kernels</h2>
<p>Each was compared with its definition in f64 before it was timed and again after. What was not right has no time.</p>
${table(['op', 'shape', 'family', 'adapter', 'µs', 'GFLOP/s', 'GB/s', '% of ceiling', 'ceiling', 'largest error', 'note'], rows)}</section>`;
}

function kernelRow(row: KernelRow, adapter: string): (string | number)[] {
  const what = [row.op, row.shape, row.family, adapter];
  if (row.status !== 'ok')
    return [...what, NaN, NaN, NaN, NaN, '', NaN, `${row.status}: ${row.message.split('\n')[0]!}`];
  const { us, gflops, gbps, percent, bound, maxError, fault = '' } = row;
  return [...what, us, gflops, gbps, percent, bound, maxError, fault];
}

function stepSection(
  { name, shape, kernels: all, us, gpuUs, hostUs, readbackUs, dispatches, bytes }: StepRow,
  adapter: string,
): string {
  const bars = all
    .slice(0, 16)
    .map(
      ({ kernel, count, us: own }) =>
        `<tr><td>${escaped(kernel)}</td><td class="number">${count}</td><td class="number">${figure(own)}</td><td class="bar"><i style="width:${((100 * own) / gpuUs).toFixed(2)}%"></i></td></tr>`,
    )
    .join('\n');
  return `<section><h2>A step of ${escaped(name)} on ${escaped(adapter)}</h2>
<p>${escaped(shape)}: ${figure(us / 1000)} ms a step; kernels one after the other ${figure(gpuUs / 1000)} ms, the host ${figure(hostUs / 1000)} ms, a number comes back in ${figure(readbackUs / 1000)} ms; ${dispatches} dispatches, ${figure(bytes / 2 ** 20)} MiB.</p>
<div class="scroll"><table><thead><tr><th>kernel</th><th>×</th><th>µs</th><th>share</th></tr></thead><tbody>
${bars}
</tbody></table></div></section>`;
}

function peers(files: readonly BenchFile[], names: readonly string[]): string {
  const rows = files.flatMap((file, i) =>
    file.peers.map(({ name, task, us, note = '' }) => [task, name, names[i]!, us / 1000, note]),
  );
  if (rows.length === 0) return '';
  return `<section><h2>Beside others</h2>${table(['task', 'who', 'adapter', 'ms', 'note'], rows)}</section>`;
}

const style = `
:root { color-scheme: light dark; --text: #1c1c1c; --page: #fff; --faint: #e4e4e4; --mark: #3b6fb6; }
@media (prefers-color-scheme: dark) { :root { --text: #e6e6e6; --page: #16181b; --faint: #33373d; --mark: #7fb0f0; } }
body { margin: 0; background: var(--page); color: var(--text); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1100px; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.7rem; } h2 { font-size: 1.2rem; margin-top: 2.4rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 14px; }
th, td { text-align: left; padding: .25rem .7rem .25rem 0; border-bottom: 1px solid var(--faint); vertical-align: top; }
td { white-space: nowrap; } td:last-child { white-space: normal; min-width: 16rem; }
th button { all: unset; cursor: pointer; font-weight: 600; white-space: nowrap; }
th button:focus-visible { outline: 2px solid var(--mark); }
th[aria-sort=ascending] button::after { content: ' ↑'; } th[aria-sort=descending] button::after { content: ' ↓'; }
.number { text-align: right; }
.bar { min-width: 12rem; } .bar i { display: block; height: .8em; margin-top: .35em; background: var(--mark); }
svg { max-width: 100%; height: auto; } svg text { fill: var(--text) !important; }
@media print { body { background: #fff; color: #000; } section { break-inside: avoid-page; } .scroll { overflow: visible; } }
`;

const sorting = `
for (const head of document.querySelectorAll('th button')) head.addEventListener('click', () => {
  const cell = head.parentElement, table = cell.closest('table'), at = cell.cellIndex;
  const down = cell.ariaSort === 'ascending';
  for (const other of table.querySelectorAll('th')) other.removeAttribute('aria-sort');
  cell.setAttribute('aria-sort', down ? 'descending' : 'ascending');
  const key = (row) => row.cells[at].dataset.value === undefined ? row.cells[at].textContent : Number(row.cells[at].dataset.value);
  const rows = [...table.tBodies[0].rows].sort((a, b) => {
    const [x, y] = [key(a), key(b)];
    if (typeof x === 'number') return (Number.isNaN(x) - Number.isNaN(y)) || (down ? y - x : x - y);
    return down ? y.localeCompare(x) : x.localeCompare(y);
  });
  table.tBodies[0].append(...rows);
});
`;
