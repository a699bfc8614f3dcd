// Charts as the text of an SVG. The charting library is large and is loaded only when a chart is drawn.
import type * as Charting from 'echarts';

export type ChartOptions = Charting.EChartsOption;

/** In one file: its hundreds of modules take seconds to load one by one, the more so where a run file brought a loader along. */
const bundle: string = 'echarts/dist/echarts.esm.min.mjs';

/** Sizes are in units of the SVG. */
export async function drawChart(options: ChartOptions, size: { width: number; height: number }): Promise<string> {
  const { init } = (await import(bundle)) as typeof Charting;
  const drawing = init(null, null, { renderer: 'svg', ssr: true, ...size });
  drawing.setOption({ animation: false, ...options });
  const svg = drawing.renderToSVGString();
  drawing.dispose();
  return svg;
}
