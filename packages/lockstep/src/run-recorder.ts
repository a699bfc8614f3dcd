// Writes what a run leaves behind besides weights: run.json, metrics.jsonl, samples.txt, loss.svg. Only the launcher does,
// so every file has one writer.
import { appendFileSync } from 'node:fs';
import type { StepMetrics } from '@lockstep/trainer';
import {
  type Launch,
  MetricsLog,
  type RunPaths,
  type RunRecord,
  writeLossChart,
  writeRunRecord,
} from '@lockstep/trainer/node';

export class RunRecorder {
  readonly #paths: RunPaths;
  readonly #metrics: MetricsLog;
  #record: RunRecord;
  /** Ends when the record is on disk as it is now. */
  #recorded: Promise<void> = Promise.resolve();

  /** Begins the record of a launch; those before it stay. */
  static async open(paths: RunPaths, record: RunRecord): Promise<RunRecorder> {
    await writeRunRecord(paths.record, record);
    return new RunRecorder(paths, record);
  }

  private constructor(paths: RunPaths, record: RunRecord) {
    this.#paths = paths;
    this.#record = record;
    this.#metrics = new MetricsLog(paths.metrics);
  }

  /** Notes what the workers compute on. {@link close} tells where that could not be written. */
  adapter(adapter: string): void {
    const { launches } = this.#record;
    const latest: Launch = { ...launches.at(-1)!, adapter };
    this.#record = { ...this.#record, launches: [...launches.slice(0, -1), latest] };
    this.#recorded = writeRunRecord(this.#paths.record, this.#record);
    this.#recorded.catch(() => undefined);
  }

  step(metrics: StepMetrics): void {
    this.#metrics.step(metrics);
  }

  validation(result: { readonly step: number; readonly loss: number }): void {
    this.#metrics.validation(result);
  }

  sample({ step, text }: { readonly step: number; readonly text: string }): void {
    appendFileSync(this.#paths.samples, `─── after step ${step} ───\n${text}\n\n`);
  }

  /** Closes the files and draws the chart. */
  async close(): Promise<void> {
    this.#metrics.close();
    await this.#recorded;
    await writeLossChart(this.#paths.chart, { title: this.#record.run.name, metrics: this.#paths.metrics });
  }
}
