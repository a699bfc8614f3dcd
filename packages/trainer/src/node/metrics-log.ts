// metrics.jsonl: one JSON object per line, appended as it happens, so that a killed run keeps all but perhaps its last line.
// A resumed run takes steps after its checkpoint a second time, of another schedule perhaps: what was logged of them goes before.
import { closeSync, constants, fstatSync, readSync, writeSync } from 'node:fs';
import { atPath, replaceFile } from '@lockstep/nn/node';
import { isMetricName, loggedFigures, validationPrefix } from '../metric-names.ts';
import type { Norms } from '../norms.ts';
import type { Evaluation } from '../step.ts';
import type { StepMetrics } from '../train.ts';
import { openOwnFile } from './own-file.ts';
import { readLog } from './read-log.ts';

/** How many metrics are read from a log, which may be a stranger's. */
const mostMetrics = 100;

/** A figure after a step. */
export interface Point {
  readonly step: number;
  readonly value: number;
}

/** How a figure went, in the order of steps. */
export interface Curves {
  readonly train: readonly Point[];
  readonly validation: readonly Point[];
}

/** How a run went: its loss, and by name what the loss gives beside itself. */
export interface RunCurves {
  readonly loss: Curves;
  readonly metrics: ReadonlyMap<string, Curves>;
}

export class MetricsLog {
  readonly #path: string;
  readonly #file: number;

  /** Opens the file to append, and makes it if there is none. What it says of steps after `step` is forgotten. */
  static async open(path: string, { after: step }: { after: number }): Promise<MetricsLog> {
    await forgetAfter(path, step);
    return new MetricsLog(path);
  }

  private constructor(path: string) {
    this.#path = path;
    this.#file = openOwnFile(path, constants.O_APPEND | constants.O_RDWR | constants.O_CREAT);
    if (!endsWithNewline(this.#file)) writeSync(this.#file, '\n');
  }

  step({ step, loss, learningRate, metrics, isEmpty, ...more }: StepMetrics): void {
    this.#append({ step, loss, ...metrics, lr: learningRate, ...more, ...(isEmpty && { isEmpty }) });
  }

  validation({ step, loss, metrics }: Evaluation & { readonly step: number }): void {
    const named = Object.entries(metrics).map(([name, value]) => [validationPrefix + name, value]);
    this.#append({ step, validationLoss: loss, ...Object.fromEntries(named) });
  }

  norms({ step, norms }: { readonly step: number; readonly norms: Norms }): void {
    this.#append({ step, norms: norms.parameters });
  }

  close(): void {
    closeSync(this.#file);
  }

  #append(line: object): void {
    try {
      writeSync(this.#file, `${JSON.stringify(line)}\n`);
    } catch (error) {
      throw atPath(this.#path, error);
    }
  }
}

/** Leaves out the lines of later steps, and those that are none, whole or not at all. */
async function forgetAfter(path: string, last: number): Promise<void> {
  const lines = (await readLog(path)).split('\n').filter((line) => line !== '');
  const kept = lines.filter((line) => Number(parseLine(line)['step'] ?? Infinity) <= last);
  if (kept.length < lines.length)
    await replaceFile(path, (file) => file.writeFile(kept.map((line) => `${line}\n`).join('')));
}

/** Whether the next line can begin: the last one may have been cut by a crash. */
function endsWithNewline(file: number): boolean {
  const { size } = fstatSync(file);
  const last = Buffer.alloc(1);
  if (size > 0) readSync(file, last, 0, 1, size - 1);
  return size === 0 || last.toString() === '\n';
}

/** The loss and the first 100 metrics in a log. Lines that are no JSON objects, and names that no metric may have, are left out. */
export async function readCurves(path: string): Promise<RunCurves> {
  const lines = (await readLog(path)).split('\n').map(parseLine);
  const names = [...new Set(lines.flatMap(metricsOf))].slice(0, mostMetrics);
  const curves = (train: string, validation: string): Curves => ({
    train: pointsOf(lines, train),
    validation: pointsOf(lines, validation),
  });
  return {
    loss: curves('loss', 'validationLoss'),
    metrics: new Map(names.map((name) => [name, curves(name, validationPrefix + name)])),
  };
}

/** Names of the metrics in a line. */
function metricsOf(line: Record<string, unknown>): string[] {
  const names = Object.keys(line).map((name) =>
    name.startsWith(validationPrefix) ? name.slice(validationPrefix.length) : name,
  );
  return names.filter((name) => isMetricName(name) && !loggedFigures.has(name));
}

/** Pairs of logged figures, of steps that have both, or of a step that has one beside the same step's other; in the order of steps. */
export async function readSeries(path: string, { x, y }: { x: string; y: string }): Promise<[x: number, y: number][]> {
  const byStep = new Map<number, Record<string, unknown>>();
  for (const line of (await readLog(path)).split('\n').map(parseLine)) {
    const step = Number(line['step']);
    if (Number.isFinite(step)) byStep.set(step, { ...byStep.get(step), ...line });
  }
  const ascending = [...byStep.keys()].toSorted((a, b) => a - b).map((step) => byStep.get(step)!);
  return ascending.flatMap((line): [number, number][] => {
    const [at, value] = [line[x], line[y]];
    return typeof at === 'number' && typeof value === 'number' ? [[at, value]] : [];
  });
}

function pointsOf(lines: readonly Record<string, unknown>[], name: string): Point[] {
  const values = new Map<number, number>();
  for (const { step, [name]: value } of lines)
    if (typeof step === 'number' && typeof value === 'number') values.set(step, value);
  return Array.from(values, ([step, value]) => ({ step, value })).toSorted((a, b) => a.step - b.step);
}

function parseLine(line: string): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(line);
    return isObject(parsed) ? parsed : {};
  } catch {
    return {};
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
