// Writes what a run leaves behind besides weights: run.json, metrics.jsonl, samples.txt, loss.svg. Only the launcher does,
// so every file has one writer.
import { rm } from 'node:fs/promises';
import type { Evaluation, Norms, StepMetrics } from '@lockstep/trainer';
import {
  appendSample,
  forgetSamplesAfter,
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

  /** Begins the record of a launch. That of those before it stays, but for the steps that this one takes again. */
  static async open(paths: RunPaths, record: RunRecord): Promise<RunRecorder> {
    const { fromStep } = record.launches.at(-1)!;
    await writeRunRecord(paths.record, record);
    await forgetSamplesAfter(paths.samples, fromStep);
    return new RunRecorder(paths, record, await MetricsLog.open(paths.metrics, { after: fromStep }));
  }

  private constructor(paths: RunPaths, record: RunRecord, metrics: MetricsLog) {
    this.#paths = paths;
    this.#record = record;
    this.#metrics = metrics;
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

  validation(result: Evaluation & { readonly step: number }): void {
    this.#metrics.validation(result);
  }

  norms(result: { readonly step: number; readonly norms: Norms }): void {
    this.#metrics.norms(result);
  }

  sample(result: { readonly step: number; readonly text: string }): void {
    appendSample(this.#paths.samples, result);
  }

  /** Closes the files and, unless there is no time, draws the chart. */
  async close({ drawn = true }: { drawn?: boolean } = {}): Promise<void> {
    this.#metrics.close();
    await this.#recorded;
    if (drawn)
      await writeLossChart(this.#paths.chart, {
        title: String(this.#record.run['name']),
        metrics: this.#paths.metrics,
      });
  }

  /** Closes the files of a launch that has come to nothing. Those of a new run go again. */
  async discard(): Promise<void> {
    await this.close({ drawn: false });
    if (this.#record.launches.length > 1) return;
    for (const path of [this.#paths.metrics, this.#paths.record]) await rm(path, { force: true });
  }
}
