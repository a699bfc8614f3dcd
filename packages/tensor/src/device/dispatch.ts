// Kernels over ranges of memory, as they are recorded, and over bound buffers, as they are encoded.
import type { Memory } from './memory.ts';
import type { Pipeline } from './pipelines.ts';

/** What a binding sees: a range of memory, or the kernel's parameters. */
export type Entry =
  | { readonly binding: number; readonly memory: Memory; readonly start: number; readonly end: number }
  | { readonly binding: number; readonly uniform: GPUBufferBinding };

/** What a dispatch computes and moves at the least: where it lies below an adapter's ceilings follows from it. */
export interface Work {
  /** Operations on numbers, a multiplication with an addition being two; 0 where nobody has counted them. */
  readonly flops: number;
  /** Read and written, each once. */
  readonly bytes: number;
}

/** One kernel, as it was recorded: what it is bound to may have no buffers yet. */
export interface Dispatch {
  readonly pipeline: Pipeline;
  readonly entries: readonly Entry[];
  readonly workgroups: readonly [x: number, y: number, z: number];
  readonly params: Readonly<Record<string, number>>;
  readonly work: Work;
}

/** One kernel over buffers. */
export interface BoundDispatch {
  readonly kernel: string;
  readonly pipeline: GPUComputePipeline;
  readonly bindGroup: GPUBindGroup;
  readonly workgroups: readonly [x: number, y: number, z: number];
  /** The kernel's parameters, which tell its sizes. */
  readonly params: Readonly<Record<string, number>>;
  readonly work: Work;
}

/** Makes the bind groups of recorded dispatches, whose pipelines are compiled and whose memories have buffers. */
export function bindDispatches(device: GPUDevice, dispatches: readonly Dispatch[]): BoundDispatch[] {
  return dispatches.map(({ pipeline: { kernel, layout, compiled }, entries, workgroups, params, work }) => ({
    kernel: kernel.name,
    pipeline: compiled!,
    bindGroup: device.createBindGroup({ label: kernel.name, layout, entries: entries.map(boundEntry) }),
    workgroups,
    params,
    work,
  }));
}

function boundEntry(entry: Entry): GPUBindGroupEntry {
  if ('uniform' in entry) return { binding: entry.binding, resource: entry.uniform };
  const { binding, memory, start, end } = entry;
  // Kernels read four elements at a time, the last of them partly beyond the end: buffers go on so far.
  const size = Math.max(16, Math.ceil((end - start) / 16) * 16);
  return { binding, resource: { ...memory.at(start), size } };
}

/** Bytes of all that a dispatch is bound to, each once. */
export function boundBytes(entries: readonly Entry[]): number {
  let bytes = 0;
  const ends = new Map<Memory, number>();
  const ranges = entries.flatMap((entry) => ('memory' in entry ? [entry] : []));
  for (const { memory, start, end } of ranges.toSorted((a, b) => a.start - b.start)) {
    const from = Math.max(start, ends.get(memory) ?? 0);
    bytes += Math.max(0, end - from);
    ends.set(memory, Math.max(end, from));
  }
  return bytes;
}

/** The memories of a dispatch. */
export function memoriesOf({ entries }: Dispatch): Memory[] {
  return entries.flatMap((entry) => ('memory' in entry ? [entry.memory] : []));
}

export function encodeDispatch(pass: GPUComputePassEncoder, { pipeline, bindGroup, workgroups }: BoundDispatch): void {
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, bindGroup);
  pass.dispatchWorkgroups(...workgroups);
}
