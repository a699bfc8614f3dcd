// What a worker tells of where its time goes: spans, handed to whoever collects them. How they are shown is theirs.

/** A stretch of time in which a worker did one thing. */
export interface TraceSpan {
  readonly name: string;
  readonly category: 'compute' | 'read-back' | 'reduce' | 'wait' | 'upload' | 'update';
  /** Milliseconds of `performance.now()`. */
  readonly start: number;
  readonly end: number;
  /** What it was about, such as bytes and peers. */
  readonly args?: Readonly<Record<string, unknown>>;
}

/** Gets each span when it has ended. */
export type Trace = (span: TraceSpan) => void;
