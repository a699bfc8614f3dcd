// Drawings of a report, as SVG: where kernels lie below their adapter's roof, and how products grow with their size.
import { type ChartOptions, drawChart } from '@lockstep/trainer/node';
import type { BenchFile, MeasuredRow } from '../bench-file.ts';
import { placeOf } from '../step/step-roofline.ts';

const colours = ['#3b6fb6', '#d9622b', '#3f8f4f', '#9b59b6', '#b0892b', '#c23b6d', '#2f9aa0', '#777777'];

const measured = ({ kernels }: BenchFile): MeasuredRow[] =>
  kernels.filter((row): row is MeasuredRow => row.status === 'ok');

/** A kernel by operations on a byte and GFLOP/s. */
interface Point {
  readonly value: [intensity: number, gflops: number];
  readonly name: string;
}

const pointsOf = (file: BenchFile): Point[] =>
  measured(file).flatMap(({ gflops, gbps, op, shape, family }) =>
    gflops > 0 ? [{ value: [gflops / gbps, gflops], name: `${op} ${shape} ${family}` }] : [],
  );

/** Kernels that take less of a step are no part of its picture. */
const leastShare = 0.005;

const stepPointsOf = ({ steps }: BenchFile): Point[] =>
  steps.flatMap(({ name, kernels, roofline, gpuUs }) =>
    kernels.flatMap((one): Point[] => {
      if (one.us < leastShare * gpuUs) return [];
      const place = roofline && placeOf(one, roofline.ceilings);
      return place && place.gflops > 0
        ? [{ value: [place.intensity, place.gflops], name: `${one.kernel}, in a step of ${name}` }]
        : [];
    }),
  );

/** GFLOP/s over flops per byte, below the lines that ceilings draw (Williams, Waterman, Patterson 2009). */
export async function drawRoofline(files: readonly BenchFile[], names: readonly string[]): Promise<string> {
  const points = files.map(pointsOf);
  const stepPoints = files.map(stepPointsOf);
  if ([...points, ...stepPoints].every((some) => some.length === 0)) return '';
  const roofs = files.map(({ ceilings: { copyGbps, fmaGflops } }) => {
    const corner = fmaGflops / copyGbps;
    return [
      [0.01, 0.01 * copyGbps],
      [corner, fmaGflops],
      [Math.max(2000, 10 * corner), fmaGflops],
    ];
  });
  const series = files.flatMap((_, i) => {
    const own = { name: names[i]!, color: colours[i % colours.length]! };
    return [
      { ...own, type: 'line' as const, data: roofs[i]!, showSymbol: false },
      { ...own, type: 'scatter' as const, data: points[i]!, symbolSize: 8 },
      { ...own, type: 'scatter' as const, data: stepPoints[i]!, symbolSize: 9, symbol: 'diamond' },
    ];
  });
  const svg = await draw({ series, names, x: 'flops per byte', y: 'GFLOP/s' });
  return `<section><h2>Below the roof</h2>
<p>A point is a kernel by itself, a diamond all calls of one in a step; its adapter’s lines are what copies and multiply-adds allow.</p><div class="scroll">${svg}</div></section>`;
}

/** GFLOP/s of square products over their size, the best family of each. */
export async function drawSizes(files: readonly BenchFile[], names: readonly string[]): Promise<string> {
  const series = files.map((file, i) => {
    const best = new Map<number, number>();
    for (const { op, shape, gflops } of measured(file)) {
      const [m, n, k] = shape.split('x').map(Number);
      if (op === 'matmul' && m === n && n === k) best.set(m!, Math.max(best.get(m!) ?? 0, gflops));
    }
    const data = [...best].toSorted(([a], [b]) => a - b);
    return { type: 'line' as const, name: names[i]!, data, symbolSize: 7, color: colours[i % colours.length]! };
  });
  if (series.every(({ data }) => data.length < 2)) return '';
  const svg = await draw({ series, names, x: 'rows and columns of a square product', y: 'GFLOP/s' });
  return `<section><h2>Products by size</h2><p>The fastest family of each adapter.</p><div class="scroll">${svg}</div></section>`;
}

interface Drawing {
  readonly series: ChartOptions['series'];
  readonly names: readonly string[];
  readonly x: string;
  readonly y: string;
}

function draw({ series, names, x, y }: Drawing): Promise<string> {
  const axis = (name: string, gap: number): object => ({
    type: 'log',
    name,
    nameLocation: 'middle',
    nameGap: gap,
    axisLine: { show: true, lineStyle: { color: '#888' } },
    splitLine: { lineStyle: { color: '#8884' } },
  });
  const options = {
    textStyle: { fontFamily: 'system-ui, sans-serif' },
    legend: { data: [...new Set(names)], top: 6, itemGap: 40 },
    grid: { left: 80, right: 24, top: 48, bottom: 56 },
    xAxis: axis(x, 32),
    yAxis: axis(y, 56),
    series,
  };
  return drawChart(options as ChartOptions, { width: 1000, height: 480 });
}
