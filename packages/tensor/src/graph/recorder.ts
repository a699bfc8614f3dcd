// What ops ask of the device that their tensors lie on: to keep in mind what is to be computed, and how gradients flow back.
import { DeviceError } from '@lockstep/errors';
import { Tensor, type TensorForm, type TensorOwner } from '../tensor.ts';
import type { Node } from './node.ts';

/** Gradients of an op's inputs, from that of its output: undefined where none is wanted, 0 where it is zero everywhere. */
export type GradientRule = (dy: Tensor, needs: readonly boolean[]) => readonly (Tensor | 0 | undefined)[];

/** What ops report to while gradients are wanted. */
export interface GradientTape {
  record(entry: TapeEntry): void;
  /** Whether somebody asks for a tensor's own gradient. */
  isWanted(tensor: Tensor): boolean;
  /** Asks for the gradient of a tensor that forward has just made. */
  want(tensor: Tensor): void;
  /** Runs `work` without keeping its ops: they are recorded again by {@link replay}. */
  forgetting<T>(work: () => T): T;
  /** Records again what was forgotten, and goes back through it from the gradient of what it gives. */
  replay(work: () => Tensor, dy: Tensor): void;
}

/** An op that ran, as backward meets it. */
export interface TapeEntry {
  readonly name: string;
  readonly inputs: readonly Tensor[];
  readonly y: Tensor;
  readonly gradient: GradientRule;
}

/** What attention asks while tokens come one by one. */
export interface Decoder {
  /**
   * Attention of one new token to all so far: `qkv` (B, 1, (heads + 2·kvHeads)·D) to (B, 1, heads·D). Throws for attention that cannot be
   * computed so.
   */
  attend(qkv: Tensor, options: DecodedAttention): Tensor;
}

export interface DecodedAttention {
  readonly heads: number;
  readonly kvHeads: number;
  readonly isCausal: boolean;
  readonly window?: number;
  readonly cap?: number;
  readonly scale?: number;
  /** Names of the other options that are given, such as mask. */
  readonly others: readonly string[];
}

export interface Recorder extends TensorOwner {
  /** The tape that ops report to, while there is one. */
  readonly tape: GradientTape | undefined;
  /** Random draws asked for so far: what is computed again begins to count where it did before. */
  draws: number;
  /** What keeps keys and values of earlier tokens, while tokens come one by one. */
  readonly decoder: Decoder | undefined;
  /** Runs `work`, whose ops report to a tape. */
  recordingOn<T>(tape: GradientTape | undefined, work: () => T): T;
  /** Keeps a node in mind, in order; its outputs belong to the current scope. */
  record(node: Node, outputs: readonly Tensor[]): void;
}

/** The device on which all the tensors lie. @throws {DeviceError} where they lie on several. */
export function recorderOf(op: string, tensors: readonly Tensor[]): Recorder {
  const { device } = tensors[0]!;
  if (tensors.some((tensor) => tensor.device !== device))
    throw new DeviceError(`${op}: expected tensors of one device, got some of several`);
  return device as Recorder;
}

/** What a node computes, and the rule by which its gradient flows back; without a rule there is none. */
export interface Computed {
  readonly name: string;
  readonly form: TensorForm;
  readonly node: Node;
  readonly inputs: readonly Tensor[];
  readonly gradient?: GradientRule | undefined;
}

/** Records what computes one tensor. */
export function compute(recorder: Recorder, { name, form, node, inputs, gradient }: Computed): Tensor {
  const y = new Tensor(recorder, form, node);
  recorder.record(node, [y]);
  if (gradient) track(recorder, { name, inputs, y, gradient });
  return y;
}

/** Tells the tape of an op through which gradients flow. */
export function track(recorder: Recorder, entry: TapeEntry): void {
  const { inputs, y } = entry;
  y.tracked = recorder.tape !== undefined && inputs.some(({ tracked }) => tracked);
  if (y.tracked) recorder.tape!.record(entry);
}

/**
 * The number of shards that a function of tensors has values for.
 * @throws {DeviceError} for tensors of passes of different length
 */
export function shardsOf(op: string, tensors: readonly Tensor[]): number | undefined {
  const counts = new Set(tensors.map(({ shards }) => shards).filter((count) => count !== undefined));
  if (counts.size > 1)
    throw new DeviceError(`${op}: expected tensors of one pass, got some of ${[...counts].join(' and of ')} shards`);
  return [...counts][0];
}
