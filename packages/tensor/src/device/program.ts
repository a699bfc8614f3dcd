// Dispatches over stable buffers, recorded once and encoded as often as wanted: no graph walk, no allocation, no new
// bind group. Whoever records decides what the buffers mean.
import { type BoundDispatch, encodeDispatch } from './dispatch.ts';
import type { Memory } from './memory.ts';
import { tensorsIn } from './scope.ts';

/** What a program knows beside its dispatches. */
export interface ProgramNotes {
  /** How many dispatches had been recorded at each mark. */
  readonly marks?: ReadonlyMap<unknown, number>;
  /** What the dispatches are bound to: kept from being given back while the program can run. */
  readonly memories?: ReadonlySet<Memory>;
}

/** What a recording gave, ready to run any number of times through {@link Device.submit}. */
export class Program<Result = unknown> {
  /** What the recorded function returned; its tensors stay valid, and are overwritten by each run. */
  readonly result: Result;
  readonly dispatches: readonly BoundDispatch[];
  readonly marks: ReadonlyMap<unknown, number>;
  readonly #memories: ReadonlySet<Memory>;

  constructor(result: Result, dispatches: readonly BoundDispatch[], notes: ProgramNotes = {}) {
    this.result = result;
    this.dispatches = dispatches;
    this.marks = notes.marks ?? new Map<unknown, number>();
    this.#memories = notes.memories ?? new Set<Memory>();
  }

  /** Encodes the dispatches as one pass. */
  encode(encoder: GPUCommandEncoder): void {
    const pass = encoder.beginComputePass();
    for (const dispatch of this.dispatches) encodeDispatch(pass, dispatch);
    pass.end();
  }

  /** Some of the dispatches, one after another, as a program by itself; it shares their bind groups. */
  slice(from: number, to: number): Program<undefined> {
    return new Program(undefined, this.dispatches.slice(from, to), { memories: this.#memories });
  }

  /** Gives the memory of the result back to the device. */
  dispose(): void {
    for (const tensor of tensorsIn(this.result)) tensor.dispose();
  }
}
