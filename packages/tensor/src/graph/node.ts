// What a recorded graph consists of. Nodes say what is to be computed, of one shard; which kernels do it, what is computed
// together, and where the results lie is decided when all of it is known (`lower.ts`).
import type { AnyKernel } from '@lockstep/kernels';
import type { Work } from '../device/dispatch.ts';
import type { ScalarFunction } from '../fuse/scalar-function.ts';
import type { Reducer } from '../fuse/reducer.ts';
import type { DType } from '../dtype.ts';
import { Tensor } from '../tensor.ts';
import type { View } from './layout.ts';

/** A number that is the same at every place. */
export interface Constant {
  readonly value: number;
  readonly dtype: DType;
}

/** One function of numbers, at each place by itself, of tensors that are as long as the output on every axis. */
export interface ElementwiseNode {
  readonly kind: 'elementwise';
  readonly function: ScalarFunction;
  readonly inputs: readonly (Tensor | Constant)[];
}

/** Another tensor seen otherwise. */
export interface ViewNode {
  readonly kind: 'view';
  readonly inputs: readonly [Tensor];
  readonly view: View;
}

/** The index along the only axis. */
export interface IndexNode {
  readonly kind: 'index';
  readonly inputs: readonly [];
}

/** One number of all those along some axes. */
export interface ReduceNode {
  readonly kind: 'reduce';
  readonly reducer: Reducer;
  readonly inputs: readonly [Tensor];
  readonly axes: readonly number[];
  /** By what a sum is multiplied. */
  readonly scale: number;
}

/** What `dispatch` does when the inputs are in memory; its outputs have memory by then. */
export interface KernelNode {
  readonly kind: 'kernel';
  readonly name: string;
  /** What `dispatch` depends on beside the tensors. */
  readonly options?: unknown;
  /** Whose `dispatch` it is: of the same, equal nodes dispatch the same kernels. */
  readonly definition?: object;
  readonly inputs: readonly Tensor[];
  /** Places in `inputs` whose elements may lie in any layout; the others are dense. */
  readonly anyLayout?: readonly number[];
  /** An input whose memory an output takes over; where the input is still needed, a copy of it. */
  readonly overwrites?: { readonly input: number; readonly output: number } | undefined;
  /** Tensors in memory that it writes beside its outputs, for which it is done even if nobody reads those. */
  readonly writes?: readonly Tensor[];
  /** Whether it asks, while it is dispatched, what is to be done with its first output in the same kernel. */
  readonly takesEpilogue?: boolean | undefined;
  /** Whether what it writes is the sum over shards of what it reads, along the canonical tree, of f32 at every node. */
  readonly sumsShards?: boolean | undefined;
  /** @param inputs those of the node, in memory; a copy of one that lay in pieces. */
  dispatch(inputs: readonly Tensor[], outputs: readonly Tensor[]): void;
}

/** A dispatch as the user asked for it: `read_write` bindings are written in place. */
export interface DispatchNode {
  readonly kind: 'dispatch';
  readonly kernel: AnyKernel;
  readonly tensors: Readonly<Record<string, Tensor>>;
  readonly params: Readonly<Record<string, number>>;
  readonly workgroups: readonly [x: number, y: number, z: number];
  readonly constants: Readonly<Record<string, number>>;
  readonly work: Partial<Work> | undefined;
  readonly inputs: readonly Tensor[];
}

/** Writes a value over a tensor that lies in memory. */
export interface AssignNode {
  readonly kind: 'assign';
  readonly inputs: readonly [Tensor];
  readonly target: Tensor;
}

/** Sets every element of a tensor that lies in memory. */
export interface FillNode {
  readonly kind: 'fill';
  readonly inputs: readonly [];
  readonly target: Tensor;
  readonly value: number;
}

/** A place in the order of work that somebody wants to know again. */
export interface MarkNode {
  readonly kind: 'mark';
  readonly inputs: readonly [];
  readonly key: unknown;
}

/** Nodes that compute one tensor, only if and when it is wanted. */
export type LazyNode = ElementwiseNode | ViewNode | IndexNode;
/** All others, which are done at their place. */
export type PlacedNode = ReduceNode | KernelNode | DispatchNode | AssignNode | FillNode | MarkNode;
export type Node = LazyNode | PlacedNode;

/** What computes a tensor; nothing for one that the host writes. */
export function nodeOf(tensor: Tensor): Node | undefined {
  return tensor.computation as Node | undefined;
}

/** The tensors that a node reads. */
export function tensorsOf(node: Node): readonly Tensor[] {
  return (node.inputs as readonly (Tensor | Constant)[]).filter((input) => input instanceof Tensor);
}

/** A node in the order in which it was asked for, with the tensors that it computes. */
export interface Recorded {
  readonly node: Node;
  readonly outputs: readonly Tensor[];
}

export function isLazy(node: Node): node is LazyNode {
  return node.kind === 'elementwise' || node.kind === 'view' || node.kind === 'index';
}
