// The worker's end of a trace: gathers spans and sends them to the launcher now and then, in the hub's time.
import type { Seat, Trace, TraceSpan } from '@lockstep/collectives';

/** Spans that are sent together, at the most: some tens of KiB. */
const most = 256;
/** How long a span may wait for others. */
const patienceMs = 500;

export class TraceSender {
  readonly #send: (spans: readonly TraceSpan[]) => void;
  /** What makes the hub's time, in milliseconds since 1970, of `performance.now()`. */
  readonly #origin: number;
  #spans: TraceSpan[] = [];
  #sentAt = performance.now();

  /** Asks for the hub's time, and gives the spans to `send` from then on. */
  static async open(seat: Seat, send: (spans: readonly TraceSpan[]) => void): Promise<TraceSender> {
    return new TraceSender(performance.timeOrigin + (await seat.clockOffset()), send);
  }

  constructor(origin: number, send: (spans: readonly TraceSpan[]) => void) {
    this.#origin = origin;
    this.#send = send;
  }

  readonly trace: Trace = ({ start, end, ...span }) => {
    this.#spans.push({ ...span, start: this.#origin + start, end: this.#origin + end });
    if (this.#spans.length >= most || performance.now() - this.#sentAt > patienceMs) this.flush();
  };

  /** Sends what has been gathered. */
  flush(): void {
    this.#sentAt = performance.now();
    if (this.#spans.length > 0) this.#send(this.#spans.splice(0));
  }
}
