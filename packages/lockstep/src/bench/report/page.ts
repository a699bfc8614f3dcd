// One page about several adapters that needs nothing else: text, tables, drawings, and a few lines that sort the tables.
import type { BenchFile, StepKernel, StepRow } from '../bench-file.ts';
import { boundSentence, placeOf } from '../step/step-roofline.ts';
import { drawRoofline, drawSizes } from './charts.ts';
import { escaped } from './escaped.ts';
import { sortTables } from './sort-tables.ts';
import { style } from './style.ts';
import { adapters, figure, kernels, namesOf, table } from './tables.ts';

export async function reportPage(given: readonly BenchFile[]): Promise<string> {
  const files = byAdapter(given);
  const names = namesOf(files);
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
<script>(${String(sortTables)})()</script>
</body>
</html>
`;
}

/** Files of one adapter on one machine as one, with the ceilings of the first. */
function byAdapter(files: readonly BenchFile[]): BenchFile[] {
  const merged = new Map<string, BenchFile>();
  for (const file of files) {
    const key = `${file.adapter.description}\n${file.machine.cpu}\n${file.browser ?? ''}\n${file.lockstep}`;
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

function stepSection(step: StepRow, adapter: string): string {
  const { name, shape, us, gpuUs, hostUs, readbackUs, dispatches, bytes, roofline, kernels: all } = step;
  const head = [
    'kernel',
    '×',
    'µs',
    'share',
    ...(roofline ? ['flops/byte', 'GFLOP/s', 'GB/s', '% of', 'ceiling'] : []),
  ];
  return `<section><h2>A step of ${escaped(name)} on ${escaped(adapter)}</h2>
<p>${escaped(shape)}: ${figure(us / 1000)} ms a step; kernels one after the other ${figure(gpuUs / 1000)} ms, the host ${figure(hostUs / 1000)} ms, a number comes back in ${figure(readbackUs / 1000)} ms; ${dispatches} dispatches, ${figure(bytes / 2 ** 20)} MiB.</p>
${roofline ? `<p><strong>${escaped(boundSentence(roofline, dispatches))}</strong></p>` : ''}
<div class="scroll"><table><thead><tr>${head.map((one) => `<th>${one}</th>`).join('')}</tr></thead><tbody>
${all
  .slice(0, 16)
  .map((one) => stepKernelRow(one, step))
  .join('\n')}
</tbody></table></div></section>`;
}

function stepKernelRow(one: StepKernel, { gpuUs, roofline }: StepRow): string {
  const { kernel, count, us } = one;
  const number = (value: string | number): string => `<td class="number">${value}</td>`;
  const bar = `<td class="bar"><i style="width:${((100 * us) / gpuUs).toFixed(2)}%"></i></td>`;
  const place = roofline && placeOf(one, roofline.ceilings);
  const counted = (value: number): string => number(place!.gflops > 0 ? figure(value) : '–');
  const cells = place
    ? `${counted(place.intensity)}${counted(place.gflops)}${number(figure(place.gbps))}${number(figure(place.percent))}<td>${place.bound}${place.fault ? `: ${escaped(place.fault)}` : ''}</td>`
    : '';
  return `<tr><td>${escaped(kernel)}</td>${number(count)}${number(figure(us))}${bar}${cells}</tr>`;
}

function peers(files: readonly BenchFile[], names: readonly string[]): string {
  const rows = files.flatMap((file, i) =>
    file.peers.map(({ name, task, us, note = '' }) => [task, name, names[i]!, us / 1000, note]),
  );
  if (rows.length === 0) return '';
  return `<section><h2>Beside others</h2>${table(['task', 'who', 'adapter', 'ms', 'note'], rows)}</section>`;
}
