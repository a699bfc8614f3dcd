// What happened when, for whoever draws it. Nothing here keeps or writes it.

/** A stretch of time that was spent on one thing. */
export interface TraceSpan {
  readonly name: string;
  readonly category: 'compute' | 'read-back' | 'reduce' | 'wait' | 'upload' | 'update';
  /** Milliseconds of `performance.now()`. */
  readonly start: number;
  readonly end: number;
  readonly args?: Readonly<Record<string, unknown>>;
}

export type Trace = (span: TraceSpan) => void;
