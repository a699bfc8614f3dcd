// loss.svg: training and validation loss over steps, and below it a panel for each metric.
import { replaceFile } from '@lockstep/nn/node';
import { type ChartOptions, drawChart } from './draw-chart.ts';
import { type Curves, type Point, readCurves, type RunCurves } from './metrics-log.ts';

/** What a chart shows. */
export interface LossChart extends RunCurves {
  readonly title: string;
}

/** Draws what a metrics log has. */
export async function writeLossChart(
  path: string,
  { title, metrics }: { title: string; metrics: string },
): Promise<void> {
  const drawing = await drawLossChart({ title, ...(await readCurves(metrics)) });
  await replaceFile(path, (file) => file.writeFile(drawing));
}

/** One below the other, each with the steps from left to right. */
interface Panel {
  readonly name: string;
  readonly curves: Curves;
  readonly top: number;
  readonly height: number;
}

/** The size of a chart of a loss alone, in units of the SVG. */
const size = { width: 900, height: 520 };
const lossHeight = 394;
const metricHeight = 120;
/** Below a panel, for the numbers of its steps. */
const gap = 58;
/** More panels than these would make a chart that nobody looks at. */
const mostMetrics = 12;

/** The chart as the text of an SVG: 900 by 520 units, and 178 more for each metric. */
export async function drawLossChart(chart: LossChart): Promise<string> {
  const panels = panelsOf(chart);
  const height = size.height + (panels.length - 1) * (gap + metricHeight);
  return drawChart(optionsFor(chart.title, panels), { width: size.width, height });
}

function panelsOf({ loss, metrics }: RunCurves): Panel[] {
  const top = 64;
  const below = top + lossHeight + gap;
  return [
    { name: 'loss', curves: loss, top, height: lossHeight },
    ...[...metrics]
      .slice(0, mostMetrics)
      .map(([name, curves], i) => ({ name, curves, top: below + i * (metricHeight + gap), height: metricHeight })),
  ];
}

const colours = { train: '#3b6fb6', validation: '#d9622b', text: '#333333', faint: '#e6e6e6' };
/** Without quotation marks: they would end the attribute that this becomes. */
const font = 'system-ui, -apple-system, Segoe UI, DejaVu Sans, sans-serif';

function optionsFor(title: string, panels: readonly Panel[]): ChartOptions {
  const series = panels.flatMap(({ curves }, index) =>
    seriesOf(curves).map((one) => ({ ...one, xAxisIndex: index, yAxisIndex: index })),
  );
  const max = Math.max(1, ...panels.map(({ curves }) => lastStep(curves)));
  return {
    backgroundColor: '#ffffff',
    textStyle: { fontFamily: font, color: colours.text },
    title: { text: title, left: 64, top: 14, textStyle: { fontSize: 18, color: colours.text } },
    legend: {
      data: [...new Set(series.map(({ name }) => name))],
      top: 18,
      right: 24,
      itemGap: 22,
      textStyle: { fontSize: 13 },
    },
    grid: panels.map(({ top, height }) => ({ left: 72, right: 28, top, height })),
    xAxis: panels.map((_, index) => ({
      ...axis(index === panels.length - 1 ? 'step' : ''),
      gridIndex: index,
      nameGap: 34,
      min: 0,
      max,
    })),
    yAxis: panels.map(({ name }, index) => ({
      ...axis(name),
      gridIndex: index,
      nameGap: 46,
      scale: true,
      ...(index > 0 && { splitNumber: 2 }),
    })),
    series: series.map((one) => ({ type: 'line', symbol: 'circle', ...one })),
  };
}

function seriesOf({ train, validation }: Curves) {
  const pairs = (points: readonly Point[]): number[][] => points.map(({ step, value }) => [step, value]);
  return [
    {
      name: 'train',
      data: pairs(train),
      showSymbol: train.length < 3,
      lineStyle: { width: 1.2 },
      color: colours.train,
    },
    { name: 'validation', data: pairs(validation), symbolSize: 7, lineStyle: { width: 2 }, color: colours.validation },
  ].filter(({ data }) => data.length > 0);
}

const lastStep = ({ train, validation }: Curves): number =>
  Math.max(train.at(-1)?.step ?? 1, validation.at(-1)?.step ?? 1);

function axis(name: string): object {
  const line = { show: true, lineStyle: { color: colours.text } };
  return {
    type: 'value',
    name,
    nameLocation: 'middle',
    nameTextStyle: { fontSize: 14 },
    axisLabel: { fontSize: 12, color: colours.text },
    axisLine: line,
    axisTick: line,
    splitLine: { lineStyle: { color: colours.faint } },
  };
}
