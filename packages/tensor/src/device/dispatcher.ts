// What whoever dispatches kernels sees of a device: an op's forward and backward, an optimizer, a reduction over shards.
import type { Kernel } from '@lockstep/kernels';
import type { DType } from '../dtype.ts';
import type { Epilogue } from '../graph/epilogue.ts';
import type { Bindable } from '../graph/lower.ts';
import type { Shape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import type { AdapterFacts, Families } from './adapter-facts.ts';
import type { Work } from './dispatch.ts';

/** The limits of an adapter that decide how work is divided. */
export type Limits = Readonly<
  Pick<
    GPUSupportedLimits,
    | 'maxBufferSize'
    | 'maxStorageBufferBindingSize'
    | 'maxComputeWorkgroupStorageSize'
    | 'maxComputeWorkgroupsPerDimension'
  >
>;

/** Work that writes to memory which is there. */
export interface Effect {
  /** What `dispatch` depends on beside the tensors. */
  readonly options?: unknown;
  readonly inputs: readonly Tensor[];
  readonly writes: readonly Tensor[];
  /** Whether what is written is the sum of the input's shards along the canonical tree, of f32 at every node. */
  readonly sumsShards?: boolean;
  /** @param inputs in memory, dense */
  readonly dispatch: (inputs: readonly Tensor[]) => void;
}

export interface Dispatcher {
  readonly facts: AdapterFacts;
  readonly limits: Limits;
  /** Which kernels run here. */
  readonly families: Families;
  /** A few bytes to bind where a kernel's constants switch an output off. */
  readonly nowhere: Tensor;

  /**
   * Dispatches a kernel.
   * @param tensors for each binding of the kernel, a tensor whose elements it sees one after the other
   * @param workgroups how many groups of lanes, not how many lanes
   * @param work what it computes and moves at the least, for benchmarks; bytes are all that is bound unless given
   */
  run<Params extends Record<string, number>, Binding extends string, Constant extends string>(
    kernel: Kernel<Params, Binding, Constant>,
    tensors: Record<NoInfer<Binding>, Bindable>,
    params: NoInfer<Params>,
    workgroups: readonly [x: number, y?: number, z?: number],
    constants?: Partial<Record<NoInfer<Constant>, number>>,
    work?: Partial<Work>,
  ): void;

  /**
   * Does `dispatch` when its inputs are in memory: now within an op, else in its turn.
   * @param writes tensors in memory that it writes
   */
  effect(name: string, effect: Effect): void;

  /**
   * What is to be done with the elements of an output before they are stored, asked within an op that says `takesEpilogue`. Who does it says so by `take`; else it is done afterwards, by other kernels.
   */
  epilogueOf(output: Tensor): { readonly epilogue: Epilogue; take(): void } | undefined;

  /** Workgroups for `count` items, folded into two dimensions where one cannot count them. */
  grid(count: number): [x: number, y: number, z: number];

  /** A tensor with unspecified contents; within an op it is gone when the op is done. */
  empty(shape: Shape, dtype?: DType, shards?: number): Tensor;

  /** A tensor over part of another's memory, from the given element on; it is released with the other. */
  view(whole: Tensor, start: number, shape: Shape): Tensor;

  /** Writes one tensor over another of as many elements. */
  copy(from: Tensor, to: Tensor): void;

  /** Sets every element. */
  fill(tensor: Tensor, value: number): void;

  /** Gives a tensor's memory back; for views, and a second time, does nothing. */
  release(tensor: Tensor): void;
}
