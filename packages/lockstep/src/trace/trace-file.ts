// A trace of all workers in Chrome's format (the Trace Event Format, JSON object form), which Perfetto and chrome://tracing
// show. A worker is a process in it, each category of spans a thread. The file is whole JSON after every write.
import { closeSync, constants, fchmodSync, fstatSync, ftruncateSync, writeSync } from 'node:fs';
import type { TraceSpan } from '@lockstep/collectives';
import { atPath } from '@lockstep/nn/node';
import { ConfigError } from '@lockstep/trainer';
import { openOwnFile } from '@lockstep/trainer/node';

const categories: readonly TraceSpan['category'][] = ['compute', 'read-back', 'reduce', 'wait', 'upload', 'update'];
/** Rows that one category may take where its spans overlap. */
const mostLanes = 100;
const tail = '\n]}\n';
/** A trace tells of data and machines: it is for whoever may read the run, and never for all. */
const traceMode = 0o640;

/** Workers tell as much as they like, and no viewer opens a longer one. */
const longestTrace = 2 ** 30;

/** A file that is there keeps no more rights than a new one gets. */
function openToWrite(path: string): number {
  const file = openOwnFile(path, constants.O_WRONLY | constants.O_CREAT, traceMode);
  ftruncateSync(file);
  const { mode, uid } = fstatSync(file);
  if (uid === process.geteuid?.()) fchmodSync(file, mode & traceMode);
  return file;
}

type Event = Readonly<Record<string, unknown>>;

export class TraceFile {
  readonly #path: string;
  readonly #file: number;
  /** Time zero of the trace: milliseconds since 1970, by the clock of the hub, which is this process's. */
  readonly #origin = performance.timeOrigin + performance.now();
  readonly #workers = new Map<string, Track>();
  readonly #longest: number;
  /** Where the next event goes, over the tail. */
  #end = 0;
  #isFull = false;

  /** Begins a trace of at most `longest` bytes, over what was there. @throws {ConfigError} where the file cannot be written, or is another's. */
  static open(path: string, longest: number = longestTrace): TraceFile {
    try {
      return new TraceFile(path, openToWrite(path), longest);
    } catch (error) {
      if (error instanceof ConfigError) throw error;
      const { code } = error as NodeJS.ErrnoException;
      throw new ConfigError(`--trace: expected a file that can be written, got ${path} (${code})`);
    }
  }

  private constructor(path: string, file: number, longest: number) {
    this.#path = path;
    this.#file = file;
    this.#longest = longest;
    this.#write('{"displayTimeUnit":"ms","traceEvents":[', '');
    this.#write('\n', '{"ph":"M","name":"trace","pid":0,"args":{"name":"lockstep"}}');
  }

  /** Adds what a worker has told, in the hub's time. @returns what somebody should know who waits for the trace */
  add(worker: string, spans: readonly TraceSpan[]): string | undefined {
    if (this.#isFull) return undefined;
    let track = this.#workers.get(worker);
    if (!track) this.#workers.set(worker, (track = new Track(worker, this.#workers.size + 1)));
    const events = spans.flatMap((span) => track.eventsOf(span, this.#origin));
    if (events.length > 0) this.#write(',\n', events.map((event) => JSON.stringify(event)).join(',\n'));
    if (this.#end <= this.#longest) return undefined;
    this.#isFull = true;
    return `note: ${this.#path} ends here, for it has ${this.#end} bytes`;
  }

  close(): void {
    closeSync(this.#file);
  }

  #write(before: string, text: string): void {
    const bytes = Buffer.from(before + text);
    try {
      writeSync(this.#file, Buffer.concat([bytes, Buffer.from(tail)]), 0, undefined, this.#end);
    } catch (error) {
      throw atPath(this.#path, error);
    }
    this.#end += bytes.length;
  }
}

/** The rows of one worker. Spans that overlap go to rows of their own, for a viewer takes those of a row to be nested. */
class Track {
  readonly #worker: string;
  readonly #pid: number;
  readonly #ends = new Map<string, number[]>();

  constructor(worker: string, pid: number) {
    this.#worker = worker;
    this.#pid = pid;
  }

  /** A span as an event, after those that name its row where it is the first of it. */
  eventsOf({ name, category, start, end, args = {} }: TraceSpan, origin: number): Event[] {
    const { lane, isNew } = this.#place(category, start, end);
    const tid = mostLanes * categories.indexOf(category) + lane;
    const [ts, dur] = [start - origin, end - start].map((ms) => Math.round(1e6 * ms) / 1e3);
    const event = { ph: 'X', name, cat: category, pid: this.#pid, tid, ts, dur, args };
    return isNew ? [...this.#names(category, lane, tid), event] : [event];
  }

  #place(category: string, start: number, end: number): { lane: number; isNew: boolean } {
    const ends = this.#ends.get(category) ?? [];
    this.#ends.set(category, ends);
    const free = ends.findIndex((last) => last <= start);
    const lane = free >= 0 ? free : Math.min(ends.length, mostLanes - 1);
    const isNew = lane === ends.length;
    ends[lane] = end;
    return { lane, isNew };
  }

  #names(category: string, lane: number, tid: number): Event[] {
    const place = { ph: 'M', pid: this.#pid, tid };
    return [
      { ...place, name: 'process_name', args: { name: this.#worker } },
      { ...place, name: 'process_sort_index', args: { sort_index: this.#pid } },
      { ...place, name: 'thread_name', args: { name: lane === 0 ? category : `${category} ${lane + 1}` } },
      { ...place, name: 'thread_sort_index', args: { sort_index: tid } },
    ];
  }
}
