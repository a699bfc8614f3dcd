// What lowering gives to whoever dispatches: a place for kernels over ranges of memory.
import type { AnyKernel } from '@lockstep/kernels';
import type { Work } from '../device/dispatch.ts';
import type { Range } from '../fuse/walk.ts';

/** A kernel over ranges of memory, ready to be recorded. */
export interface Emission {
  readonly kernel: AnyKernel;
  /** By binding. */
  readonly ranges: Readonly<Record<string, Pick<Range, 'memory' | 'start' | 'end'>>>;
  readonly params: Readonly<Record<string, number>>;
  readonly workgroups: readonly [x: number, y: number, z: number];
  readonly constants?: Readonly<Record<string, number>>;
  /** Where it is known; bytes are all that is bound unless given. */
  readonly work?: Partial<Work> | undefined;
}

export interface Emitter {
  /** Bytes that the adapter binds at the most. */
  readonly mostBindable: number;
  emit(emission: Emission): void;
  /** Workgroups for `count` items, folded into two dimensions where one cannot count them. */
  grid(count: number): [x: number, y: number, z: number];
}
