// From a recorded graph to dispatches: what is computed together in one generated kernel, what gets memory of its own, and in which
// order kernels run. All of it follows from the graph and the adapter, so every worker on such an adapter has the same kernels.
//
// Elementwise nodes, views and indices are lazy: they become part of the kernel that reads them. They get memory where somebody may ask for
// them, where a kernel of fixed text reads them, and where several readers would compute them again at more cost than reading. What lies in
// memory already, because an equal node came before, is not computed again (`values.ts`).
import type { AnyKernel } from '@lockstep/kernels';
import type { RowFamily } from '../device/adapter-facts.ts';
import { alignment, type Memory } from '../device/memory.ts';
import { bytesPerElement } from '../dtype.ts';
import { DeviceError } from '@lockstep/errors';
import { dispatchElementwise } from '../fuse/elementwise-kernel.ts';
import { callsIn, type Expression, leavesOf, type Load } from '../fuse/expression.ts';
import { dispatchReduce, type ReduceEmitter } from '../fuse/reduce-kernel.ts';
import { sameShape } from '../shape.ts';
import { type Stored, Tensor, type TensorForm } from '../tensor.ts';
import { Builder, type Stores } from './builder.ts';
import { conflicts } from './conflicts.ts';
import type { Emission } from './emitter.ts';
import { type Epilogue, Followers, isOfOwnPlace, storesBefore } from './epilogue.ts';
import { isBindableDense } from './bindable-dense.ts';
import { denseLayout } from './layout.ts';
import {
  type AssignNode,
  type DispatchNode,
  isLazy,
  type KernelNode,
  type Node,
  type Recorded,
  type ReduceNode,
} from './node.ts';
import { Uses } from './uses.ts';
import { Values } from './values.ts';

/** Calls that are rather made again than their result stored and read. */
const cheapCalls = 3;

/** What lowering needs of a device. */
export interface LoweringHost {
  readonly mostBindable: number;
  readonly rowFamily: RowFamily;
  /** Whether what is lowered will run many times: then it pays to compile kernels of its own for what follows a product. */
  readonly isRepeated: boolean;
  grid(count: number): [x: number, y: number, z: number];
  /** Memory for a tensor that is computed; transient where nobody will ask for it. */
  allocate(tensor: TensorForm, isTransient: boolean): Memory;
  emit(emission: Emission): void;
  /** How many dispatches have been emitted. */
  readonly emitted: number;
}

/** What a dispatch binds: a dense tensor, or a range of memory. */
export type Bindable = Tensor | Emission['ranges'][string];

export class Lowering implements ReduceEmitter {
  readonly #host: LoweringHost;
  readonly #recording: readonly Recorded[];
  readonly #uses: Uses;
  /** Where equal nodes are worth finding. */
  readonly #values: Values | undefined;
  readonly #costs = new Map<Tensor, boolean>();
  /** The tensors that lie in a memory which the recording made. */
  readonly #holders = new Map<Memory, Tensor[]>();
  readonly marks: Map<unknown, number> = new Map();
  /** Nodes that have been done together with one before them. */
  readonly #done = new Set<Node>();
  #position = 0;
  /** What may be done with an output in the kernel that computes it, until somebody takes it. */
  #epilogue: { readonly of: Tensor; readonly epilogue: Epilogue } | undefined;

  constructor(host: LoweringHost, recording: readonly Recorded[]) {
    this.#host = host;
    this.#recording = recording;
    this.#uses = new Uses(recording);
    this.#values = host.isRepeated ? new Values(recording) : undefined;
  }

  get mostBindable(): number {
    return this.#host.mostBindable;
  }

  get rowFamily(): RowFamily {
    return this.#host.rowFamily;
  }

  grid(count: number): [x: number, y: number, z: number] {
    return this.#host.grid(count);
  }

  emit(emission: Emission): void {
    this.#host.emit(emission);
  }

  /** Emits everything. */
  run(): void {
    for (const [position, recorded] of this.#recording.entries()) {
      this.#position = position;
      if (this.#uses.isNeeded(recorded.node) && !this.#done.has(recorded.node)) this.#place(recorded);
    }
  }

  /** What is to be done with the elements of `output` before they are stored; whoever asks does it, or gives it back by not taking it. */
  epilogueOf(output: Tensor): { readonly epilogue: Epilogue; take(): void } | undefined {
    const held = this.#epilogue;
    if (held?.of !== output) return undefined;
    return { epilogue: held.epilogue, take: () => (this.#epilogue = undefined) };
  }

  /** Dispatches a kernel over tensors in memory, as ops do while their node is placed. */
  dispatch(
    kernel: AnyKernel,
    tensors: Readonly<Record<string, Bindable>>,
    { params, workgroups, constants, work }: Pick<DispatchNode, 'params' | 'workgroups' | 'constants' | 'work'>,
  ): void {
    const ranges = Object.fromEntries(
      kernel.bindings.map(({ name, access }) => {
        const bound = tensors[name];
        const there = access === 'read' && bound instanceof Tensor ? this.dense(bound) : bound;
        return [name, rangeOfTensor(kernel.name, name, there)];
      }),
    );
    this.emit({ kernel, ranges, params, workgroups, constants, work });
  }

  /** A tensor's elements in memory, one after the other from a place where it can be bound; a copy where they lie otherwise. */
  dense(tensor: Tensor): Tensor {
    if (!tensor.stored) this.#storeOrAlias(tensor, isBindableDense);
    if (isBindableDense(tensor)) return tensor;
    const copy = this.temporary(tensor);
    dispatchElementwise(this, this.#load(tensor), outputOf(copy));
    return copy;
  }

  /** A tensor's elements in memory, in whatever layout. */
  anyhow(tensor: Tensor): Tensor {
    if (!tensor.stored) this.#storeOrAlias(tensor, () => true);
    return tensor.stored ? tensor : this.dense(tensor);
  }

  /** Memory for a tensor that is gone when the node at hand is done. */
  temporary(form: TensorForm & Pick<Tensor, 'device'>): Tensor {
    const memory = this.#host.allocate(form, true);
    return new Tensor(form.device, form, { memory, layout: denseLayout(form.shape, form.shards) });
  }

  /** Writes one tensor over another, both in memory. */
  copy(from: Tensor, to: Tensor): void {
    const isAlike = sameShape(from.shape, to.shape) && (from.shards === undefined || from.shards === to.shards);
    const source = isAlike ? from : this.dense(from);
    const { memory, layout } = source.stored!;
    const flat = isAlike ? layout : denseLayout(to.shape, to.shards, layout.offset);
    dispatchElementwise(this, { kind: 'load', memory, layout: flat, dtype: from.dtype }, outputOf(to));
  }

  /** Sets every element. */
  fill(target: Tensor, value: number): void {
    dispatchElementwise(this, { kind: 'literal', value, dtype: target.dtype }, outputOf(target));
  }

  #place({ node, outputs }: Recorded): void {
    if (isLazy(node)) return this.#placeLazy(outputs[0]!);
    if (outputs.length > 0 && this.#share(outputs)) return;
    switch (node.kind) {
      case 'reduce':
        return this.#placeReduce(node, outputs[0]!);
      case 'kernel':
        return this.#placeKernel(node, outputs);
      case 'dispatch':
        return this.#placeDispatch(node);
      case 'assign':
        return this.#placeAssign(node);
      case 'fill':
        this.#beforeWrite(node.target.stored!.memory);
        return this.fill(node.target, node.value);
      case 'mark':
        this.marks.set(node.key, this.#host.emitted);
    }
  }

  #placeLazy(output: Tensor): void {
    if (!output.isReleased) this.#store(output);
  }

  #placeReduce({ reducer, inputs: [x], axes, scale }: ReduceNode, output: Tensor): void {
    const expression = this.#expressionOf(x);
    this.#allocate(output);
    this.#values?.keep(output);
    const lengths = [x.shards ?? 1, ...x.shape];
    // The result is dense, whether the axes stay with a length of 1 or not.
    const kept = x.shape.map((length, axis) => (axes.includes(axis) ? 1 : length));
    const to = { memory: output.stored!.memory, layout: denseLayout(kept, x.shards), dtype: output.dtype };
    dispatchReduce(this, { reducer, expression, lengths, axes: axes.map((axis) => axis + 1), scale }, to);
  }

  #placeKernel(node: KernelNode, outputs: readonly Tensor[]): void {
    const inputs = node.inputs.map((input, i) =>
      node.anyLayout?.includes(i) ? this.anyhow(input) : this.dense(input),
    );
    const taken = node.overwrites && this.#takeOver(inputs, outputs, node.overwrites);
    for (const output of outputs) if (output !== taken && !this.#writeInPlace(output)) this.#allocate(output);
    for (const written of node.writes ?? []) this.#beforeWrite(written.stored!.memory);
    const takesEpilogue = node.takesEpilogue && !node.overwrites && this.#host.isRepeated;
    const isKept = takesEpilogue ? this.#dispatchWith(node, inputs, outputs) : true;
    if (!takesEpilogue) node.dispatch(inputs, outputs);
    for (const output of isKept ? outputs : []) this.#values?.keep(output);
  }

  /**
   * Dispatches a node together with what follows it; what the node does not take is done after it, by itself.
   * @returns whether the node's own output is in memory then
   */
  #dispatchWith(node: KernelNode, inputs: readonly Tensor[], outputs: readonly Tensor[]): boolean {
    const [own] = outputs as [Tensor];
    const epilogue = this.#epilogueAfter(own);
    this.#epilogue = epilogue && { of: own, epilogue };
    node.dispatch(inputs, outputs);
    const left = this.#epilogue?.epilogue;
    this.#epilogue = undefined;
    if (left) dispatchElementwise(this, left.expression, outputOf(left.output));
    if (epilogue) this.#values?.keep(epilogue.output);
    return left !== undefined || (epilogue?.isKept ?? true);
  }

  /** What is computed elementwise of a tensor that is about to be, and gets memory now. */
  #epilogueAfter(own: Tensor): Epilogue | undefined {
    const followers = new Followers(this.#uses, own, this.#position);
    const output = followers.find();
    const expression = output && new Builder(storesBefore(followers, this.#stores)).build(output, [], true);
    if (!expression || !isOfOwnPlace(expression, own, output)) return undefined;
    const isKept = followers.isKeptBeside(output);
    this.#allocate(output);
    return { expression, own: own.stored!.memory, output, isKept };
  }

  /** What one shard gives is its own sum over shards: it is written where that goes, if nobody meets that in between. */
  #writeInPlace(output: Tensor): boolean {
    const [reader, ...others] = this.#uses.nodesThatRead(output);
    if (!output.isReleased || others.length > 0 || output.count !== output.size || !reader) return false;
    const { node, position } = reader;
    if (node.kind !== 'kernel' || !node.sumsShards) return false;
    const { memory, layout } = node.writes![0]!.stored!;
    if (this.#uses.isTouchedBetween(memory, this.#position - 1, position)) return false;
    this.#beforeWrite(memory);
    output.stored = { memory, layout: denseLayout(output.shape, output.shards, layout.offset) };
    this.#done.add(node);
    return true;
  }

  /** Gives an output the memory of an input that nobody reads any more, or that of a copy of it. */
  #takeOver(
    inputs: Tensor[],
    outputs: readonly Tensor[],
    { input, output }: { input: number; output: number },
  ): Tensor {
    const [from, to] = [inputs[input]!, outputs[output]!];
    if (to.isReleased && this.#isFree(from.stored!.memory)) {
      this.#values?.forget(from.stored!.memory);
      to.stored = from.stored;
      return to;
    }
    this.#allocate(to);
    this.copy(from, to);
    inputs[input] = to;
    return to;
  }

  /** Whether nobody reads a memory any more once the node at hand is done. */
  #isFree(memory: Memory): boolean {
    const holders = this.#holders.get(memory) ?? [];
    return memory.isTransient && holders.every((one) => one.isReleased && this.#uses.lastReadOf(one) <= this.#position);
  }

  #placeDispatch({ kernel, tensors, params, workgroups, constants, work }: DispatchNode): void {
    const bound = Object.entries(tensors).map(([name, tensor]) => [name, this.dense(tensor)] as const);
    for (const { name, access } of kernel.bindings) {
      if (access === 'read') continue;
      const written = tensors[name]!;
      if (bound.some(([other, tensor]) => other === name && tensor !== written))
        throw new DeviceError(
          `${kernel.name}: expected ${name} to begin at a multiple of ${alignment} bytes, as what is written must`,
        );
      this.#beforeWrite(written.stored!.memory);
    }
    this.dispatch(kernel, Object.fromEntries(bound), { params, workgroups, constants, work });
  }

  #placeAssign({ inputs: [value], target }: AssignNode): void {
    const { memory } = target.stored!;
    // A value that is read again later must not be computed again then, of what has been overwritten.
    const isLast = this.#uses.lastReadOf(value) <= this.#position;
    this.#beforeWrite(memory, isLast ? value : undefined);
    if (!sameShape(value.shape, target.shape) || value.shards !== target.shards)
      return this.copy(this.dense(value), target);
    const expression = this.#expressionOf(value);
    if (!conflicts(expression, target)) return dispatchElementwise(this, expression, outputOf(target));
    this.copy(this.#storedApart(value, expression), target);
  }

  /** The value in memory of its own, where the kernel that computes it reads what is to be overwritten elsewhere. */
  #storedApart(value: Tensor, expression: Expression): Tensor {
    const apart = this.temporary(value);
    dispatchElementwise(this, expression, outputOf(apart));
    return apart;
  }

  /** What has been asked for before, and would read the memory later, is computed now. */
  #beforeWrite(memory: Memory, except?: Tensor): void {
    for (const tensor of this.#uses.lazyOver(memory, this.#position)) if (tensor !== except) this.#store(tensor);
    this.#values?.forget(memory);
  }

  #allocate(tensor: Tensor): void {
    const memory = this.#host.allocate(tensor, tensor.isReleased);
    tensor.stored = { memory, layout: denseLayout(tensor.shape, tensor.shards) };
    memory.owner = tensor.stored;
    this.#holders.set(memory, [tensor]);
  }

  /** Gives outputs that nobody may ask for the memory of equal ones, if all of those lie there. */
  #share(outputs: readonly Tensor[]): boolean {
    const equal = outputs.map((output) => (output.isReleased ? this.#values?.find(output) : undefined));
    if (!equal.every((one) => one !== undefined)) return false;
    for (const [i, { stored }] of equal.entries()) {
      outputs[i]!.stored = stored;
      this.#holders.get(stored!.memory)?.push(outputs[i]!);
    }
    return true;
  }

  /** Computes a lazy tensor into memory of its own. */
  #store(tensor: Tensor): void {
    if (tensor.stored || this.#share([tensor])) return;
    const expression = this.#expressionOf(tensor);
    this.#allocate(tensor);
    dispatchElementwise(this, expression, outputOf(tensor));
    this.#values?.keep(tensor);
  }

  /** As {@link #store}; a view of memory that serves as it is shares it. */
  #storeOrAlias(tensor: Tensor, serves: (tensor: Tensor) => boolean): void {
    if (this.#share([tensor])) return;
    const expression = this.#expressionOf(tensor);
    if (expression.kind === 'load' && tensor.isReleased) {
      tensor.stored = { memory: expression.memory, layout: expression.layout };
      this.#holders.get(expression.memory)?.push(tensor);
      if (serves(tensor)) return;
    }
    this.#allocate(tensor);
    dispatchElementwise(this, expression, outputOf(tensor));
    this.#values?.keep(tensor);
  }

  #load(tensor: Tensor): Load {
    return { kind: 'load', ...tensor.stored!, dtype: tensor.dtype };
  }

  #expressionOf(tensor: Tensor): Expression {
    return new Builder(this.#stores).build(tensor, [])!;
  }

  /** What a builder asks: whether a tensor is better stored than computed again, and to store it. */
  readonly #stores: Stores = {
    prefersStored: (tensor) => this.#uses.readersOf(tensor) > 1 && !this.#isCheap(tensor),
    store: (tensor) => {
      this.#store(tensor);
      return true;
    },
  };

  #isCheap(tensor: Tensor): boolean {
    let isCheap = this.#costs.get(tensor);
    if (isCheap === undefined) this.#costs.set(tensor, (isCheap = this.#computeIsCheap(tensor)));
    return isCheap;
  }

  /** Few calls over no more than one operand of full size cost no more than reading their result. */
  #computeIsCheap(tensor: Tensor): boolean {
    const expression = new Builder(this.#stores).build(tensor, [], true)!;
    if (callsIn(expression) > cheapCalls) return false;
    const isFull = ({ layout }: Load): boolean =>
      tensor.shape.every((length, axis) => length === 1 || layout.strides[axis] !== 0);
    return leavesOf(expression).filter((leaf) => leaf.kind === 'load' && isFull(leaf)).length <= 1;
  }
}

function outputOf(tensor: Tensor): Stored & { dtype: Tensor['dtype']; lengths: number[] } {
  return { ...tensor.stored!, dtype: tensor.dtype, lengths: [tensor.shards ?? 1, ...tensor.shape] };
}

function rangeOfTensor(kernel: string, binding: string, bound: Bindable | undefined): Emission['ranges'][string] {
  if (!bound) throw new DeviceError(`${kernel}: expected a tensor for ${binding}, got none`);
  if (!(bound instanceof Tensor)) return bound;
  const { memory, layout } = bound.stored!;
  const start = layout.offset * bytesPerElement(bound.dtype);
  return { memory, start, end: start + bound.byteLength };
}
