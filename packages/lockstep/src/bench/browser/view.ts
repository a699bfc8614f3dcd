// What the page shows: the adapter, how far the bench is, rows as they come, and ways to take the file along.
import type { BenchFile } from '../bench-file.ts';
import { benchHeading, kernelTable } from '../kernels/table.ts';
import { overheadLine } from '../overheads.ts';
import { kernels, namesOf } from '../report/tables.ts';

const element = <Kind extends HTMLElement>(id: string): Kind => document.getElementById(id) as Kind;

/** Measures; the signal ends it. */
type Measure = (rounds: number, signal: AbortSignal) => Promise<void>;

export class View {
  readonly #state = element('state');
  readonly #progress = element<HTMLProgressElement>('progress');
  readonly #results = element('results');
  #url = '';

  say(line: string): void {
    this.#state.textContent = line;
  }

  showAdapter(file: BenchFile): void {
    element('adapter').textContent = benchHeading(file);
  }

  showControls(rounds: number, measure: Measure): void {
    const [start, stop, count] = [
      element<HTMLButtonElement>('start'),
      element<HTMLButtonElement>('stop'),
      element<HTMLInputElement>('rounds'),
    ];
    count.value = String(rounds);
    const form = element<HTMLFormElement>('controls');
    form.hidden = false;
    form.onsubmit = (event) => {
      event.preventDefault();
      const controller = new AbortController();
      stop.onclick = () => controller.abort();
      [start.disabled, stop.disabled] = [true, false];
      element('files').hidden = true;
      void measure(count.valueAsNumber, controller.signal)
        .then(() => this.say(controller.signal.aborted ? 'stopped' : 'done'))
        .catch((error: unknown) => this.say((error as Error).message))
        .finally(() => {
          [start.disabled, stop.disabled] = [false, true];
          this.#progress.hidden = true;
        });
    };
  }

  showProgress(done: number, of: number): void {
    this.#progress.hidden = false;
    [this.#progress.max, this.#progress.value] = [of, done];
  }

  /** What there is so far. */
  showRows(file: BenchFile): void {
    element('ceilings').textContent = [...benchHeading(file).split('\n').slice(2), overheadLine(file)].join('\n');
    this.#results.innerHTML = kernels([file], namesOf([file]));
  }

  /** What there is in the end, and ways to take it along. */
  showFile(file: BenchFile): void {
    this.showRows(file);
    const json = `${JSON.stringify(file)}\n`;
    const text = [benchHeading(file), overheadLine(file), '', kernelTable(file.kernels)].join('\n');
    URL.revokeObjectURL(this.#url);
    this.#url = URL.createObjectURL(new Blob([json], { type: 'application/json' }));
    const link = element<HTMLAnchorElement>('download');
    link.href = this.#url;
    link.download = fileName(file);
    element('copyJson').onclick = () => this.#copy(json);
    element('copyText').onclick = () => this.#copy(text);
    element('files').hidden = false;
  }

  async #copy(text: string): Promise<void> {
    await navigator.clipboard.writeText(text).then(
      () => this.say('copied'),
      (error: Error) => this.say(`the browser did not copy: ${error.message}`),
    );
  }
}

/** What a system takes as a name. */
const fileName = (file: BenchFile): string =>
  `lockstep-bench ${namesOf([file])[0]!} ${file.created.slice(0, 10)}`.replaceAll(/[^\w.]+/g, '-').concat('.json');
