// A device without an adapter, on which work is only written down: what is recorded here says what is computed, and nothing of how. It has
// the facts of an adapter that can do everything, so that the graph of a run is the same on every machine.
import * as ownKernels from '@lockstep/kernels';
import type { AnyKernel } from '@lockstep/kernels';
import type { AdapterFacts, Families } from '../device/adapter-facts.ts';
import { Device } from '../device/device.ts';
import type { Effect } from '../device/dispatcher.ts';
import { Memory } from '../device/memory.ts';
import { fakeGpu } from '../device/planning-device.ts';
import { bytesPerElement, type DType, type TypedArray } from '../dtype.ts';
import { type Shape, sizeOf } from '../shape.ts';
import { Tensor, type TensorForm } from '../tensor.ts';
import { canonicalText } from './canonical-text.ts';
import type { GraphNode } from './graph-text.ts';
import { denseLayout, span } from './layout.ts';
import { type Constant, type DispatchNode, type KernelNode, type Node, nodeOf } from './node.ts';

const own: ReadonlySet<unknown> = new Set(Object.values(ownKernels));

/** Ways of dividing work that an op may choose its kernels by. */
const adapters: readonly { readonly facts: AdapterFacts; readonly families: Families }[] = [
  { isCpu: false, lanes: 32, family: 'tiled' as const },
  { isCpu: true, lanes: 8, family: 'subgroup' as const },
  { isCpu: true, lanes: 0, family: 'portable' as const },
].map(({ isCpu, lanes, family }) => ({
  facts: {
    vendor: '',
    architecture: '',
    description: 'none',
    isCpu,
    subgroups: lanes > 0,
    subgroupMinSize: lanes,
    subgroupMaxSize: lanes,
    f16: true,
  },
  families: { matmul: family, attention: family, rows: family === 'tiled' ? 'tiled' : 'portable' },
}));

const limits = {
  maxBufferSize: 2 ** 48,
  maxStorageBufferBindingSize: 2 ** 48,
  maxComputeWorkgroupStorageSize: 32_768,
  maxComputeWorkgroupsPerDimension: 65_535,
};

/** Part of a memory that somebody has written. */
interface Written {
  readonly start: number;
  readonly end: number;
  readonly node: GraphNode;
}

export class GraphDevice extends Device {
  readonly #nodes = new Map<Tensor, GraphNode>();
  readonly #writes = new Map<Memory, Written[]>();
  readonly #names = new Map<Memory, { readonly start: number; readonly name: string }[]>();
  /** Kernels of others that nodes have, by what is theirs. */
  readonly #known = new Map<object, Map<string, string>>();
  /** Where the texts of foreign kernels go while an op is asked for them. */
  #kernels: Set<string> | undefined;

  constructor() {
    const [{ facts }] = adapters as [(typeof adapters)[number]];
    super(fakeGpu({ limits: limits as GPUSupportedLimits, features: new Set() as GPUSupportedFeatures }), facts);
    this.#useAdapter(adapters[0]!);
  }

  /** What a tensor is computed of; of one in memory, what has been written there so far. */
  nodeOf(tensor: Tensor): GraphNode {
    const known = this.#nodes.get(tensor);
    if (known || nodeOf(tensor)) return known!;
    return this.#read(tensor);
  }

  /** From now on what lies in a tensor's memory is what its name says, and nothing that was written before. */
  name(tensor: Tensor, name: string): void {
    const { memory } = tensor.stored!;
    const { start, end } = rangeOf(tensor);
    const names = this.#names.get(memory) ?? [];
    this.#names.set(
      memory,
      [...names, { start, name }].toSorted((a, b) => b.start - a.start),
    );
    const before = this.#writes.get(memory) ?? [];
    this.#writes.set(
      memory,
      before.filter((one) => one.end <= start || one.start >= end || one.start < start || one.end > end),
    );
  }

  /** Kernels of others that `work` would dispatch, on any adapter. */
  kernelsOf(work: () => void): string {
    const found = (this.#kernels = new Set<string>());
    try {
      for (const adapter of adapters) {
        this.#useAdapter(adapter);
        try {
          work();
        } catch (error) {
          found.add(`refused: ${(error as Error).message}`);
        }
      }
    } finally {
      this.#kernels = undefined;
      this.#useAdapter(adapters[0]!);
    }
    return [...found].map((text) => `\n  ${text}`).join('');
  }

  override empty(shape: Shape, dtype: DType = 'f32', shards?: number): Tensor {
    const memory = new Memory(bytesPerElement(dtype) * sizeOf(shape) * (shards ?? 1));
    const stored = { memory, layout: denseLayout(shape, shards) };
    memory.owner = stored;
    return new Tensor(this, { shape, dtype, shards }, stored);
  }

  override write(tensor: Tensor, data: TypedArray): void {
    if (this.#kernels) return;
    const bytes = new Uint8Array(data.byteLength);
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    this.#write(tensor, { text: `numbers ${formOf(tensor)}`, inputs: [], data: bytes });
  }

  override upload(tensor: Tensor, data: TypedArray): void {
    this.write(tensor, data);
  }

  override run(...call: Parameters<Device['run']>): void {
    if (!this.#kernels) return super.run(...call);
    const [kernel, , params, , constants = {}] = call;
    if (!own.has(kernel)) this.#kernels.add(kernelText(kernel as unknown as AnyKernel, { params, constants }));
  }

  override effect(name: string, effect: Effect): void {
    if (this.#kernels) effect.dispatch(effect.inputs);
    else super.effect(name, effect);
  }

  override record(node: Node, outputs: readonly Tensor[]): void {
    if (this.#kernels) return;
    super.record(node, outputs);
    switch (node.kind) {
      case 'mark':
        return;
      case 'kernel':
        return this.#recordKernel(node, outputs);
      case 'dispatch':
        return this.#recordDispatch(node);
      case 'assign':
        return this.#write(node.target, this.#written(node.target, 'assign', [node.inputs[0]]));
      case 'fill':
        return this.#write(node.target, this.#written(node.target, `fill ${canonicalText(node.value)}`, []));
      case 'elementwise': {
        const { function: scalar, inputs } = node;
        const wgsl = scalar.wgsl(inputs.map(({ dtype }) => dtype));
        const tensors = inputs.filter((input) => input instanceof Tensor);
        return this.#compute(outputs[0]!, `${scalar.name} ${wgsl}${constantsIn(inputs)}`, tensors);
      }
      case 'view':
        return this.#compute(outputs[0]!, `view ${canonicalText(node.view)}`, node.inputs);
      case 'index':
        return this.#compute(outputs[0]!, 'index', []);
      case 'reduce': {
        const { reducer, axes, scale } = node;
        return this.#compute(outputs[0]!, `${reducer.name} ${canonicalText({ axes, scale })}`, node.inputs);
      }
    }
  }

  #recordKernel(node: KernelNode, outputs: readonly Tensor[]): void {
    const among: Tensor[] = [];
    const options = node.options === undefined ? '' : ` ${canonicalText(node.options, among)}`;
    const called = `${node.name}${options}`;
    const text = `${called}${this.#kernelsIn(node, outputs, called)}`;
    const inputs = [...node.inputs, ...among].map((input) => this.nodeOf(input));
    const all = { text, inputs };
    for (const [i, output] of outputs.entries())
      this.#nodes.set(
        output,
        i === 0
          ? { text: `${text} ${formOf(output)}`, inputs }
          : { text: `saved ${i} ${formOf(output)}`, inputs: [all] },
      );
    for (const [i, target] of (node.writes ?? []).entries())
      this.#write(target, { text: `written ${i} ${formOf(target)}`, inputs: [all] });
  }

  /** Equal nodes of one op are asked once. */
  #kernelsIn(node: KernelNode, outputs: readonly Tensor[], called: string): string {
    const empty = ({ shape, dtype, shards }: TensorForm): Tensor => this.empty(shape, dtype, shards);
    const find = (): string => this.kernelsOf(() => node.dispatch(node.inputs.map(empty), outputs.map(empty)));
    const { definition } = node;
    if (!definition) return find();
    const known = this.#known.get(definition) ?? new Map<string, string>();
    this.#known.set(definition, known);
    const key = [called, ...[...node.inputs, ...outputs].map(formOf)].join();
    const kernels = known.get(key) ?? find();
    known.set(key, kernels);
    return kernels;
  }

  #recordDispatch({ kernel, tensors, params, workgroups, constants }: DispatchNode): void {
    const names = kernel.bindings.map(({ name }) => name);
    const text = `dispatch ${kernelText(kernel, { params, constants })} [${workgroups.join(', ')}] ${names.join(' ')}`;
    const all = { text, inputs: names.map((name) => this.nodeOf(tensors[name]!)) };
    for (const { name, access } of kernel.bindings)
      if (access !== 'read') this.#write(tensors[name]!, { text: `written ${name}`, inputs: [all] });
  }

  #compute(output: Tensor, text: string, inputs: readonly Tensor[]): void {
    this.#nodes.set(output, this.#written(output, text, inputs));
  }

  #written(output: Tensor, text: string, inputs: readonly Tensor[]): GraphNode {
    return { text: `${text} ${formOf(output)}`, inputs: inputs.map((input) => this.nodeOf(input)) };
  }

  /** Memory as it is now: what it is called, and what was written over it. */
  #read(tensor: Tensor): GraphNode {
    const { memory } = tensor.stored!;
    const { start, end } = rangeOf(tensor);
    const named = this.#names.get(memory)?.find((one) => one.start <= start);
    const place = named && named.start < start ? ` from ${start - named.start}` : '';
    const over = (this.#writes.get(memory) ?? []).filter((one) => one.start < end && start < one.end);
    const [last] = over;
    if (over.length === 1 && last!.start === start && last!.end === end) return last!.node;
    const seen = over.map((one) => `${one.start - start} to ${one.end - start}`).join(', ');
    const text = `${named ? named.name + place : 'memory'} ${formOf(tensor)}${seen && ` over ${seen}`}`;
    return { text, inputs: over.map(({ node }) => node) };
  }

  /** What was written there before is gone where all of it is written over. */
  #write(target: Tensor, node: GraphNode): void {
    const { memory } = target.stored!;
    const { start, end } = rangeOf(target);
    const before = this.#writes.get(memory) ?? [];
    const left = before.filter((one) => one.start < start || one.end > end);
    this.#writes.set(memory, [...left, { start, end, node }]);
  }

  #useAdapter(adapter: (typeof adapters)[number]): void {
    Object.assign(this, adapter);
  }
}

function rangeOf({ shape, shards, stored }: Tensor): { start: number; end: number } {
  const { offset, shard, strides } = stored!.layout;
  const { first, last } = span([shards ?? 1, ...shape], [shard, ...strides]);
  return { start: offset + first, end: offset + last + 1 };
}

const formOf = ({ shape, dtype, shards }: TensorForm): string =>
  `${dtype} [${shape.join(', ')}]${shards === undefined ? '' : ' of each shard'}`;

/** Numbers among the inputs of an expression of `a`, `b`, …, and which of these the tensors are. */
function constantsIn(inputs: readonly (Tensor | Constant)[]): string {
  if (inputs.every((input) => input instanceof Tensor)) return '';
  const named = inputs.map((input, i) => {
    const name = String.fromCodePoint('a'.codePointAt(0)! + i);
    return input instanceof Tensor ? name : `${name} = ${canonicalText(input.value)} ${input.dtype}`;
  });
  return ` of ${named.join(', ')}:`;
}

/** A kernel as far as it decides numbers: of Lockstep's own the name. Comments and line ends do not. */
function kernelText(kernel: AnyKernel, options: { readonly params: object; readonly constants: object }): string {
  const code = kernel.code.replaceAll(/\/\/[^\n]*|\/\*[^]*?\*\//g, ' ').replaceAll(/\s+/g, ' ');
  return `${own.has(kernel) ? kernel.name : code.trim()} ${canonicalText(options)}`;
}
