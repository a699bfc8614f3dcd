// metrics.jsonl: one JSON object per line, appended as it happens, so that a killed run keeps all but perhaps its last line.
// A resumed run takes steps after its checkpoint a second time, of another schedule perhaps: what was logged of them goes before.
import { closeSync, constants, fstatSync, readSync, writeSync } from 'node:fs';
import { atPath, replaceFile } from '@lockstep/nn/node';
import type { StepMetrics } from '../train.ts';
import { openOwnFile } from './own-file.ts';
import { readLog } from './read-log.ts';

/** The loss of a step. */
export interface LossPoint {
  readonly step: number;
  readonly loss: number;
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

  step({ step, loss, learningRate, ...more }: StepMetrics): void {
    this.#append({ step, loss, lr: learningRate, ...more });
  }

  validation({ step, loss }: LossPoint): void {
    this.#append({ step, validationLoss: loss });
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

/** The losses in a log, in the order of steps. Lines that are no JSON are left out. */
export async function readLosses(path: string): Promise<{ train: LossPoint[]; validation: LossPoint[] }> {
  const lines = (await readLog(path)).split('\n').map(parseLine);
  return {
    train: byStep(lines.map(({ step, loss }) => [step, loss])),
    validation: byStep(lines.map(({ step, validationLoss }) => [step, validationLoss])),
  };
}

function byStep(pairs: readonly (readonly [step: unknown, loss: unknown])[]): LossPoint[] {
  const losses = new Map<number, number>();
  for (const [step, loss] of pairs) if (typeof step === 'number' && typeof loss === 'number') losses.set(step, loss);
  return Array.from(losses, ([step, loss]) => ({ step, loss })).toSorted((a, b) => a.step - b.step);
}

function parseLine(line: string): Record<string, unknown> {
  try {
    return (JSON.parse(line) as Record<string, unknown> | null) ?? {};
  } catch {
    return {};
  }
}
