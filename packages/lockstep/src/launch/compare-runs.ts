// Several runs in one picture, or any other figures that were logged.
import { ConfigError } from '@lockstep/trainer';
import { drawChart, readSeries, runPaths } from '@lockstep/trainer/node';
import { replaceFile } from '@lockstep/nn/node';
import type { TrainResult } from './train.ts';

/** Where a chart of several runs is written, and which figures it shows. */
export interface CompareOptions {
  /** The SVG to write. */
  readonly to: string;
  /** What is logged of each step, such as `step`, `tokens`; `step` unless given. */
  readonly x?: string;
  /** What is logged of some, such as `loss`, `validation loss`, a metric; `validation loss` unless given. */
  readonly y?: string;
}

/**
 * Draws how runs went, a line for each, named by what was set for it.
 * @throws {ConfigError} for figures that no run has logged.
 */
export async function compareRuns(
  results: readonly Pick<TrainResult, 'name' | 'settings' | 'folder'>[],
  { to, x = 'step', y = 'validation loss' }: CompareOptions,
): Promise<void> {
  const lines = await Promise.all(
    results.map(async ({ name, settings, folder }) => ({
      name: labelOf(name, settings),
      data: await readSeries(runPaths(folder).metrics, { x: keyOf(x), y: keyOf(y) }),
    })),
  );
  if (lines.every(({ data }) => data.length === 0))
    throw new ConfigError(`compareRuns: expected ${y} over ${x} in the runs' metrics, got none of it`);
  const drawing = await drawChart(optionsFor(lines, { x, y }), { width: 960, height: 540 });
  await replaceFile(to, (file) => file.writeFile(drawing));
}

/** As it is called in metrics.jsonl. */
const keyOf = (name: string): string => (name === 'validation loss' ? 'validationLoss' : name);

function labelOf(name: string, settings: TrainResult['settings']): string {
  const words = Object.entries(settings).map(([path, value]) => `${path} ${String(value)}`);
  return words.length > 0 ? words.join(', ') : name;
}

interface Line {
  readonly name: string;
  readonly data: readonly (readonly [x: number, y: number])[];
}

/** Without quotation marks: they would end the attribute that this becomes. */
const font = 'system-ui, -apple-system, Segoe UI, DejaVu Sans, sans-serif';

function optionsFor(lines: readonly Line[], { x, y }: { x: string; y: string }): Parameters<typeof drawChart>[0] {
  return {
    backgroundColor: '#ffffff',
    textStyle: { fontFamily: font, color: '#333333' },
    legend: { data: lines.map(({ name }) => name), type: 'plain', bottom: 8, left: 'center', width: 900 },
    grid: { left: 72, right: 28, top: 24, bottom: 60 + 22 * Math.ceil(lines.length / 2) },
    xAxis: { type: 'value', name: x, nameLocation: 'middle', nameGap: 30 },
    yAxis: { type: 'value', name: y, nameLocation: 'middle', nameGap: 48, scale: true },
    series: lines.map(({ name, data }) => ({
      type: 'line',
      name,
      data: data.map((point) => [...point]),
      showSymbol: data.length < 30,
    })),
  };
}
