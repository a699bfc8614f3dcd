// loss.svg: training and validation loss over steps.
import { replaceFile } from '@lockstep/nn/node';
import { type ChartOptions, drawChart } from './draw-chart.ts';
import { type LossPoint, readLosses } from './metrics-log.ts';

/** What a chart shows. */
export interface LossChart {
  readonly title: string;
  readonly train: readonly LossPoint[];
  readonly validation: readonly LossPoint[];
}

/** Draws the losses of a metrics log. */
export async function writeLossChart(
  path: string,
  { title, metrics }: { title: string; metrics: string },
): Promise<void> {
  const drawing = await drawLossChart({ title, ...(await readLosses(metrics)) });
  await replaceFile(path, (file) => file.writeFile(drawing));
}

/** The chart as the text of an SVG, 900 by 520 units. */
export async function drawLossChart(chart: LossChart): Promise<string> {
  return drawChart(optionsFor(chart), { width: 900, height: 520 });
}

const colours = { train: '#3b6fb6', validation: '#d9622b', text: '#333333', faint: '#e6e6e6' };
/** Without quotation marks: they would end the attribute that this becomes. */
const font = 'system-ui, -apple-system, Segoe UI, DejaVu Sans, sans-serif';

function optionsFor({ title, train, validation }: LossChart): ChartOptions {
  const pairs = (points: readonly LossPoint[]): number[][] => points.map(({ step, loss }) => [step, loss]);
  const last = Math.max(1, ...[...train, ...validation].map(({ step }) => step));
  const series = [
    {
      name: 'train',
      data: pairs(train),
      showSymbol: train.length < 3,
      lineStyle: { width: 1.2 },
      color: colours.train,
    },
    { name: 'validation', data: pairs(validation), symbolSize: 7, lineStyle: { width: 2 }, color: colours.validation },
  ].filter(({ data }) => data.length > 0);
  return {
    backgroundColor: '#ffffff',
    textStyle: { fontFamily: font, color: colours.text },
    title: { text: title, left: 64, top: 14, textStyle: { fontSize: 18, color: colours.text } },
    legend: { data: series.map(({ name }) => name), top: 18, right: 24, itemGap: 22, textStyle: { fontSize: 13 } },
    grid: { left: 72, right: 28, top: 64, bottom: 62 },
    xAxis: { ...axis('step'), nameGap: 34, min: 0, max: last },
    yAxis: { ...axis('loss (nats per token)'), nameGap: 46, scale: true },
    series: series.map((one) => ({ type: 'line', symbol: 'circle', ...one })),
  };
}

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
