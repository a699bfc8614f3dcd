// A run as somebody watches it: a bar on a terminal, else a plain line every few seconds. It draws; it decides nothing.
import type { Evaluation, StepMetrics } from '@lockstep/trainer';
import { MultiBar, type SingleBar } from 'cli-progress';
import { say, sayable } from './say.ts';
import { Throughput } from '../launch/throughput.ts';
import { validationWords } from './summary.ts';
import { count, duration, loss } from './wording.ts';

export interface Progress {
  /** A line, or several, above the bar. */
  note(text: string): void;
  step(metrics: StepMetrics): void;
  validation(value: Evaluation): void;
  end(): void;
}

export interface ProgressOptions {
  readonly stream: NodeJS.WriteStream;
  readonly steps: number;
  /** What is counted in throughput. */
  readonly unit: 'tokens' | 'rows';
  /** Steps that had been taken before. */
  readonly fromStep: number;
}

/** How often a plain line is written. */
const plainMs = 5_000;

export function createProgress(options: ProgressOptions): Progress {
  return options.stream.isTTY ? new BarProgress(options) : new PlainProgress(options);
}

/** What both show. */
class Figures {
  readonly #steps: number;
  readonly #unit: string;
  readonly #throughput = new Throughput();
  /** When the first step of this launch was done: it also prepares the device, and says little about those to come. */
  #began: { step: number; at: number } | undefined;
  #metrics: StepMetrics | undefined;
  #validation: number | undefined;
  #hasBeenEmpty = false;

  constructor({ steps, unit }: ProgressOptions) {
    this.#steps = steps;
    this.#unit = unit;
  }

  /** Returns what is to be said of the step. */
  step(metrics: StepMetrics): readonly string[] {
    this.#began ??= { step: metrics.step, at: performance.now() };
    this.#metrics = metrics;
    this.#throughput.add(metrics);
    if (!metrics.isEmpty || this.#hasBeenEmpty) return [];
    this.#hasBeenEmpty = true;
    return [
      `note: in step ${metrics.step} no row had a weight in a part of the loss, which is 0 there; metrics.jsonl marks such steps by isEmpty`,
    ];
  }

  validation({ loss: value }: Evaluation): void {
    this.#validation = value;
  }

  get texts(): Record<'loss' | 'speed' | 'left' | 'validation', string> {
    return {
      loss: loss(this.#metrics?.loss),
      speed: `${count(this.#throughput.current)} ${this.#unit}/s`,
      left: this.#metrics ? duration(this.#left(this.#metrics)) : '–',
      validation: loss(this.#validation),
    };
  }

  /** Milliseconds, if it goes on as it went. */
  #left({ step, stepMs }: StepMetrics): number {
    const began = this.#began!;
    const perStep = step > began.step ? (performance.now() - began.at) / (step - began.step) : stepMs;
    return perStep * (this.#steps - step);
  }
}

class BarProgress implements Progress {
  readonly #figures: Figures;
  readonly #bars: MultiBar;
  readonly #bar: SingleBar;

  constructor(options: ProgressOptions) {
    this.#figures = new Figures(options);
    this.#bars = new MultiBar({
      stream: options.stream,
      format: (_, { value, total }, { loss, validation, speed, left }: Figures['texts']) =>
        barLine(
          [`step ${value}/${total}`, `loss ${loss}`, `validation ${validation}`, speed, `${left} left`],
          value / total,
          options.stream.columns,
        ),
      hideCursor: true,
      forceRedraw: true,
      linewrap: true, // the bar keeps to its line; notes may need several
      fps: 10,
      autopadding: false,
      gracefulExit: false,
    });
    this.#bar = this.#bars.create(options.steps, options.fromStep, this.#figures.texts);
  }

  note(text: string): void {
    this.#bars.log(`${sayable(text)}\n`);
    this.#bars.update();
  }

  step(metrics: StepMetrics): void {
    for (const line of this.#figures.step(metrics)) this.note(line);
    this.#bar.update(metrics.step, this.#figures.texts);
  }

  validation(value: Evaluation): void {
    this.#figures.validation(value);
    this.#bar.update(this.#figures.texts);
  }

  end(): void {
    this.#bars.stop();
  }
}

/** A bar and figures, on one line: where it is narrow, the bar is shorter, then the figures before the last are left out. */
function barLine(figures: readonly string[], share: number, columns: number): string {
  const text = figures.join(' · ');
  const size = [24, 16, 8].find((length) => length + 1 + text.length < columns) ?? 0;
  if (size === 0 && figures.length > 2) return barLine(figures.toSpliced(-2, 1), share, columns);
  const done = Math.floor(share * size);
  return `${'█'.repeat(done)}${'░'.repeat(size - done)} ${text}`;
}

class PlainProgress implements Progress {
  readonly #options: ProgressOptions;
  readonly #figures: Figures;
  #due = 0;

  constructor(options: ProgressOptions) {
    this.#options = options;
    this.#figures = new Figures(options);
  }

  note(text: string): void {
    say(this.#options.stream, text);
  }

  step(metrics: StepMetrics): void {
    for (const line of this.#figures.step(metrics)) this.note(line);
    const now = performance.now();
    if (now < this.#due && metrics.step < this.#options.steps) return;
    this.#due = now + plainMs;
    const { loss: value, speed, left } = this.#figures.texts;
    this.note(`step ${metrics.step}/${this.#options.steps} · loss ${value} · ${speed} · ${left} left`);
  }

  validation(value: Evaluation): void {
    this.#figures.validation(value);
    this.note(`validation loss ${validationWords(value)}`);
  }

  end(): void {}
}
