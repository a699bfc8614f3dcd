// A range of device memory that tensors lie in, before and after there is a buffer for it: what is recorded is planned over
// memories, and buffers are given to them when all of it is known.
import { bytesPerElement } from '../dtype.ts';
import type { DType } from '../dtype.ts';
import type { Shape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';

/** Where memories begin in a buffer, and where bindings begin in a memory, on every adapter. */
export const alignment = 256;

/** The tensor that memory was planned for. */
export interface Held {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly shards?: number | undefined;
}

/** Device memory for one tensor, or for several that share it. */
export class Memory {
  readonly byteLength: number;
  /** Bytes of each part but the last: memory larger than a buffer may be lies in several. */
  readonly partBytes: number;
  /** One buffer for each part, once they are given. */
  buffers: readonly GPUBuffer[] = [];
  /** For messages. */
  readonly held: Held | undefined;
  /** What it was made for: whoever gives this back gives the memory back. */
  owner: object | undefined;
  /** Whether only the work at hand uses it, so that its buffers may serve others before and after. */
  isTransient: boolean;

  constructor(
    byteLength: number,
    {
      isTransient = false,
      partBytes = byteLength,
      held,
    }: { isTransient?: boolean; partBytes?: number; held?: Held | undefined } = {},
  ) {
    this.byteLength = byteLength;
    this.partBytes = Math.max(partBytes, 1);
    this.isTransient = isTransient;
    this.held = held;
  }

  /** Bytes of each part. */
  get parts(): number[] {
    const count = Math.max(1, Math.ceil(this.byteLength / this.partBytes));
    return Array.from({ length: count }, (_, i) => Math.min(this.partBytes, this.byteLength - i * this.partBytes));
  }

  /** Whether bytes lie in one part. */
  isWhole(start: number, end: number): boolean {
    return end <= start || Math.floor(start / this.partBytes) === Math.floor((end - 1) / this.partBytes);
  }

  /** The buffer that holds a byte, and the byte's place in it. */
  at(byte: number): { readonly buffer: GPUBuffer; readonly offset: number } {
    const part = Math.min(Math.floor(byte / this.partBytes), this.buffers.length - 1);
    return { buffer: this.buffers[part]!, offset: byte - part * this.partBytes };
  }
}

/** A piece of a tensor's bytes within one buffer. */
export interface Part {
  /** From the tensor's first byte. */
  readonly at: number;
  readonly from: GPUBuffer;
  readonly offset: number;
  readonly bytes: number;
}

/** Where the first `byteLength` bytes of a dense tensor lie, buffer by buffer. */
export function partsOf({ stored, dtype }: Tensor, byteLength: number): Part[] {
  const { memory, layout } = stored!;
  const start = layout.offset * bytesPerElement(dtype);
  const parts: Part[] = [];
  for (let at = 0; at < byteLength;) {
    const { buffer, offset } = memory.at(start + at);
    const bytes = Math.min(
      byteLength - at,
      memory.partBytes >= memory.byteLength ? byteLength : memory.partBytes - offset,
    );
    parts.push({ at, from: buffer, offset, bytes });
    at += bytes;
  }
  return parts;
}
