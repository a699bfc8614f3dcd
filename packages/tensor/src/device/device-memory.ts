// All memory on a device: what tensors hold, and what recordings use in passing.
import { BufferPool } from './buffer-pool.ts';
import { type Dispatch, memoriesOf } from './dispatch.ts';
import { alignment, type Held, Memory } from './memory.ts';
import { Scratch } from './scratch.ts';

/** Memories that were given buffers, each with the kernel that uses it first, where that is known. */
export type Claims = Map<Memory, string | undefined>;

export class DeviceMemory {
  readonly #pool: BufferPool;
  readonly #scratch: Scratch;
  readonly #mostBytes: number;
  /** While somebody tries whether there is room: what takes it, and for what. */
  #claims: Claims | undefined;
  /** Gives the buffers of a memory back when nothing in the program knows it any more. */
  readonly #forgotten = new FinalizationRegistry<readonly GPUBuffer[]>((buffers) => this.#give(buffers));

  constructor(gpu: GPUDevice, { maxBufferSize }: { readonly maxBufferSize: number }) {
    this.#pool = new BufferPool(gpu);
    this.#scratch = new Scratch(gpu);
    this.#mostBytes = maxBufferSize;
  }

  /** Buffers and bytes that exist, in use or not. */
  get stats(): { buffers: number; bytes: number } {
    const [held, scratch] = [this.#pool.stats, this.#scratch.stats];
    return { buffers: held.buffers + scratch.buffers, bytes: held.bytes + scratch.bytes };
  }

  /** Memory without buffers yet; what is larger than a buffer may be is cut at a multiple of `grain` bytes if it can be. */
  plan(
    byteLength: number,
    { grain, ...more }: { readonly grain: number; readonly isTransient: boolean; readonly held?: Held },
  ): Memory {
    if (byteLength <= this.#mostBytes) return new Memory(byteLength, more);
    const rows = leastCommonMultiple(grain, alignment);
    const step = rows <= this.#mostBytes ? rows : alignment;
    const partBytes = Math.floor(this.#mostBytes / step) * step;
    return new Memory(byteLength, { ...more, partBytes });
  }

  /** Gives a memory buffers of its own. */
  hold(memory: Memory): void {
    if (memory.buffers.length > 0) return;
    this.#claims?.set(memory, this.#claims.get(memory));
    memory.buffers = memory.parts.map((bytes) => this.#pool.take(bytes));
    this.#forgotten.register(memory, memory.buffers, memory);
  }

  /** Gives buffers to all memories of the dispatches: those of its own to one that is asked for later, shared ones to the others. */
  place(dispatches: readonly Dispatch[]): void {
    if (this.#claims)
      for (const dispatch of dispatches)
        for (const memory of memoriesOf(dispatch)) claim(this.#claims, memory, dispatch.pipeline.kernel.name);
    this.#scratch.place(dispatches);
  }

  /** Takes a memory's buffers back. What has been asked for before still runs on them: whoever gets them next comes after it. */
  release(memory: Memory): void {
    memory.owner = undefined;
    if (memory.isTransient) return;
    this.#forgotten.unregister(memory);
    this.#give(memory.buffers);
  }

  /** Tells, from now on, what memory is taken for; the function ends that, and with `undo` destroys what was created meanwhile. */
  claiming(): { readonly claims: Claims; readonly end: (undo: boolean) => void } {
    const [held, shared] = [this.#pool.existing, this.#scratch.existing];
    const claims: Claims = (this.#claims = new Map());
    const end = (undo: boolean): void => {
      this.#claims = undefined;
      if (!undo) return;
      this.#pool.trim(held);
      this.#scratch.trim(shared);
    };
    return { claims, end };
  }

  #give(buffers: readonly GPUBuffer[]): void {
    for (const buffer of buffers) this.#pool.give(buffer);
  }
}

function claim(claims: Claims, memory: Memory, kernel: string): void {
  if (claims.has(memory) ? claims.get(memory) === undefined : memory.isTransient) claims.set(memory, kernel);
}

function leastCommonMultiple(a: number, b: number): number {
  let [x, y] = [a, b];
  while (y > 0) [x, y] = [y, x % y];
  return (a / x) * b;
}
