// Buffers for what lives only within a recording: memories whose lives do not overlap share one. Programs run one after another, so
// they share all of them.
//
// Whole buffers are shared, not ranges of one arena: WebGPU lets a dispatch bind a buffer for reading or for writing, not one range
// for each. Largest first into the tightest fit is the rule of Pisarchyk & Lee 2020 (Efficient Memory Management for Deep Neural Net
// Inference), "greedy by size".
import { bufferUsage } from './buffer-usage.ts';
import { type Dispatch, memoriesOf } from './dispatch.ts';
import { alignment, type Memory } from './memory.ts';

/** A part of a memory, and the dispatches from which to which it is used. */
interface Life {
  readonly memory: Memory;
  readonly part: number;
  readonly bytes: number;
  readonly first: number;
  readonly last: number;
}

/** A buffer, or one that is yet to be made, and who has it when. */
interface Shared {
  buffer: GPUBuffer | undefined;
  readonly bytes: number;
  readonly lives: Life[];
}

export class Scratch {
  readonly #device: GPUDevice;
  #buffers: GPUBuffer[] = [];

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  get stats(): { buffers: number; bytes: number } {
    return { buffers: this.#buffers.length, bytes: this.#buffers.reduce((sum, { size }) => sum + size, 0) };
  }

  /** What exists now. */
  get existing(): ReadonlySet<GPUBuffer> {
    return new Set(this.#buffers);
  }

  /** Destroys the buffers that did not exist before. */
  trim(before: ReadonlySet<GPUBuffer>): void {
    for (const buffer of this.#buffers) if (!before.has(buffer)) buffer.destroy();
    this.#buffers = this.#buffers.filter((buffer) => before.has(buffer));
  }

  /** Gives every transient memory of the dispatches its buffers. */
  place(dispatches: readonly Dispatch[]): void {
    const shared = shareOut(livesIn(dispatches), this.#buffers);
    for (const one of shared) {
      one.buffer ??= this.#create(one.bytes);
      for (const { memory, part } of one.lives) {
        const buffers = [...memory.buffers];
        buffers[part] = one.buffer;
        memory.buffers = buffers;
      }
    }
  }

  /** Bytes of the buffers that the dispatches would need, were there none yet. */
  static bytesFor(dispatches: readonly Dispatch[]): number {
    return shareOut(livesIn(dispatches), []).reduce((sum, { bytes }) => sum + bytes, 0);
  }

  #create(size: number): GPUBuffer {
    const usage = bufferUsage.STORAGE | bufferUsage.COPY_SRC | bufferUsage.COPY_DST;
    const buffer = this.#device.createBuffer({ label: `scratch ${size}`, size, usage });
    this.#buffers.push(buffer);
    return buffer;
  }
}

/** The lives of all transient memories without buffers, part by part, in the order of parts. */
function livesIn(dispatches: readonly Dispatch[]): Life[] {
  const spans = new Map<Memory, { first: number; last: number }>();
  for (const [at, dispatch] of dispatches.entries()) {
    for (const memory of memoriesOf(dispatch)) {
      if (!memory.isTransient || memory.buffers.length > 0) continue;
      const span = spans.get(memory);
      if (span) span.last = at;
      else spans.set(memory, { first: at, last: at });
    }
  }
  return [...spans].flatMap(([memory, span]) =>
    memory.parts.map((bytes, part) => ({ memory, part, ...span, bytes: rounded(bytes) })),
  );
}

const rounded = (bytes: number): number => Math.max(alignment, Math.ceil(bytes / alignment) * alignment);

function shareOut(lives: readonly Life[], existing: readonly GPUBuffer[]): Shared[] {
  const free = existing.toSorted((a, b) => a.size - b.size);
  const shared: Shared[] = [];
  for (const life of lives.toSorted((a, b) => b.bytes - a.bytes)) {
    const fitting = shared
      .filter(({ bytes, lives: others }) => bytes >= life.bytes && others.every((other) => isApart(life, other)))
      .reduce<Shared | undefined>((best, one) => (best && best.bytes <= one.bytes ? best : one), undefined);
    if (fitting) {
      fitting.lives.push(life);
      continue;
    }
    const at = free.findIndex(({ size }) => size >= life.bytes);
    const [buffer] = at < 0 ? [] : free.splice(at, 1);
    shared.push({ buffer, bytes: buffer?.size ?? life.bytes, lives: [life] });
  }
  return shared;
}

const isApart = (a: Life, b: Life): boolean => a.last < b.first || b.last < a.first;
