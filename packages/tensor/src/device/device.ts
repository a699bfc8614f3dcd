// One adapter, opened: what is asked of it is recorded first, and lowered to kernels, given memory and submitted later. By `capture` it
// becomes a program to run again and again; by `read` and `submit` it runs as it comes.
import type { AnyKernel, Kernel } from '@lockstep/kernels';
import { bytesPerElement, type DType, dtypeOf, type TypedArray } from '../dtype.ts';
import { DeviceError } from '@lockstep/errors';
import type { Emission } from '../graph/emitter.ts';
import { denseLayout } from '../graph/layout.ts';
import { type Bindable, Lowering, type LoweringHost } from '../graph/lower.ts';
import { type Node, type Recorded, tensorsOf } from '../graph/node.ts';
import type { Recorder } from '../graph/recorder.ts';
import { Recording } from '../graph/recording.ts';
import { type Shape, sizeOf } from '../shape.ts';
import { Tensor } from '../tensor.ts';
import { type AdapterFacts, chooseFamilies, factsOf, type Families } from './adapter-facts.ts';
import { DeviceMemory } from './device-memory.ts';
import type { DeviceOptions, DeviceStats } from './device-options.ts';
import { boundBytes, type Dispatch, memoriesOf, type Work } from './dispatch.ts';
import type { Dispatcher, Effect, Limits } from './dispatcher.ts';
import { elementsOf } from './elements.ts';
import { expectCall } from './expect-call.ts';
import { givenBack } from './given-back.ts';
import { allLimits, limitsOf } from './limits.ts';
import type { Memory } from './memory.ts';
import { Pipelines } from './pipelines.ts';
import { Program } from './program.ts';
import { type Arrival, Queue, type Stage } from './queue.ts';
import { Uniforms } from './uniforms.ts';
import { type WithinMemory, withinMemory } from './within-memory.ts';

/** A WebGPU adapter at work: it holds tensors, records ops, runs kernels and programs. Made by `openDevice`. */
export class Device implements Dispatcher, Recorder {
  readonly gpu: GPUDevice;
  readonly facts: AdapterFacts;
  readonly limits: Limits;
  /** Which kernels run here. Replaced only by tests, which try every family. */
  families: Families;
  /** A few bytes to bind where a kernel's constants switch an output off. */
  readonly nowhere: Tensor;
  /** Names of the kernels that have been dispatched. */
  readonly kernelsUsed: Set<string> = new Set();
  readonly #memory: DeviceMemory;
  readonly #pipelines: Pipelines;
  readonly #uniforms: Uniforms;
  readonly #queue: Queue;
  #recording = new Recording();
  draws = 0;
  #tape: Recorder['tape'];
  #decoder: Recorder['decoder'];
  /** What is being lowered, while it is: then kernels are dispatched, not recorded. */
  #lowering: Lowering | undefined;
  #isCapturing = false;
  /** Memories given back while work that reads them is only recorded. */
  #retired: Memory[] = [];

  /**
   * Opens the best adapter of `gpu` with all its limits and the features that Lockstep knows to use.
   * @throws {DeviceError} when there is no adapter.
   */
  static async open(gpu: GPU, options: DeviceOptions = {}): Promise<Device> {
    const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
    if (!adapter) throw new DeviceError('device: no WebGPU adapter\nhint: `npx lockstep doctor` tells what is missing');
    const wanted: GPUFeatureName[] = ['subgroups', 'shader-f16', 'timestamp-query', ...(options.experimental ?? [])];
    const device = await adapter.requestDevice({
      requiredFeatures: wanted.filter((name) => adapter.features.has(name)),
      ...(options.limits !== 'default' && { requiredLimits: allLimits(adapter.limits) }),
    });
    return new Device(device, factsOf(adapter), options);
  }

  constructor(gpu: GPUDevice, facts: AdapterFacts, { limits = {}, deadlineMs = 300_000 }: DeviceOptions = {}) {
    this.gpu = gpu;
    this.facts = facts;
    this.limits = limitsOf(gpu, limits === 'default' ? {} : limits);
    this.families = chooseFamilies(facts);
    this.#memory = new DeviceMemory(gpu, this.limits);
    this.#pipelines = new Pipelines(gpu);
    this.#uniforms = new Uniforms(gpu);
    this.#queue = new Queue(gpu, this.#pipelines, deadlineMs);
    this.nowhere = this.empty([4]);
  }

  get stats(): DeviceStats {
    const { bytes, buffers } = this.#memory.stats;
    const { buffers: staged, bindGroups, submits } = this.#queue.stats;
    return { buffers: buffers + staged, bytes, bindGroups, submits };
  }

  /** The tape that ops report to, while there is one. */
  get tape(): Recorder['tape'] {
    return this.#tape;
  }

  get decoder(): Recorder['decoder'] {
    return this.#decoder;
  }

  /** Runs `work`, in which tokens come one by one. */
  decodingWith<T>(decoder: Recorder['decoder'], work: () => T): T {
    const outer = this.#decoder;
    this.#decoder = decoder;
    try {
      return work();
    } finally {
      this.#decoder = outer;
    }
  }

  /** A tensor with unspecified contents; with `shards`, for so many shards side by side. */
  empty(shape: Shape, dtype: DType = 'f32', shards?: number): Tensor {
    if (this.#lowering) return this.#lowering.temporary({ device: this, shape, dtype, shards });
    const memory = this.#plan({ shape, dtype, shards }, false);
    if (!this.#isCapturing) this.#memory.hold(memory);
    const stored = { memory, layout: denseLayout(shape, shards) };
    memory.owner = stored;
    const tensor = new Tensor(this, { shape, dtype, shards }, stored);
    this.#recording.adopt(tensor);
    return tensor;
  }

  /** A tensor with the given elements; with `shards`, of so many shards one after the other. */
  tensor(data: TypedArray, shape: Shape = [data.length], { shards }: { shards?: number | undefined } = {}): Tensor {
    const tensor = this.empty(shape, dtypeOf(data), shards);
    tensor.write(data);
    return tensor;
  }

  /** A tensor over part of another's memory, from the given element on; it is released with the other. */
  view(whole: Tensor, start: number, shape: Shape): Tensor {
    if (!whole.stored)
      throw new DeviceError(`view: expected a tensor in memory, got ${String(whole)}, which is yet to be computed`);
    const { memory, layout } = whole.stored;
    return new Tensor(
      this,
      { shape, dtype: whole.dtype },
      { memory, layout: denseLayout(shape, undefined, layout.offset + start) },
    );
  }

  /** Sets every element. */
  fill(target: Tensor, value: number): void {
    if (this.#lowering) return this.#lowering.fill(target, value);
    this.record({ kind: 'fill', inputs: [], target, value }, []);
  }

  /** Writes one tensor over another of as many elements. */
  copy(from: Tensor, to: Tensor): void {
    if (this.#lowering) return this.#lowering.copy(from, to);
    this.record({ kind: 'assign', inputs: [from], target: to }, []);
  }

  /** Workgroups for `count` items, folded into two dimensions where one cannot count them. */
  grid(count: number): [x: number, y: number, z: number] {
    const groups = Math.max(1, Math.ceil(count));
    const y = Math.ceil(groups / this.limits.maxComputeWorkgroupsPerDimension);
    return [Math.ceil(groups / y), y, 1];
  }

  /** Dispatches a kernel. Recorded now, run with the next submit. */
  run<Params extends Record<string, number>, Binding extends string, Constant extends string>(
    kernel: Kernel<Params, Binding, Constant>,
    tensors: Record<NoInfer<Binding>, Bindable>,
    params: NoInfer<Params>,
    [x, y = 1, z = 1]: readonly [x: number, y?: number, z?: number],
    constants: Partial<Record<NoInfer<Constant>, number>> = {},
    work?: Partial<Work>,
  ): void {
    const given = { params, workgroups: [x, y, z] as const, constants: constants as Record<string, number>, work };
    const erased = kernel as unknown as AnyKernel;
    expectCall(erased, { tensors, ...given }, this.limits);
    if (this.#lowering) return this.#lowering.dispatch(erased, tensors, given);
    const bound = Object.values<Bindable>(tensors);
    if (!bound.every((one) => one instanceof Tensor)) throw new DeviceError(`${kernel.name}: expected tensors to bind`);
    this.record(
      { kind: 'dispatch', kernel: erased, tensors: tensors as Record<string, Tensor>, ...given, inputs: bound },
      [],
    );
  }

  effect(name: string, { dispatch, ...effect }: Effect): void {
    const lowering = this.#lowering;
    if (lowering) return dispatch(effect.inputs.map((input) => lowering.dense(input)));
    this.record({ kind: 'kernel', name, ...effect, dispatch }, []);
  }

  epilogueOf(output: Tensor): ReturnType<Dispatcher['epilogueOf']> {
    return this.#lowering?.epilogueOf(output);
  }

  /** Notes a place in the order of work; a captured program tells how many dispatches come before it. */
  mark(key: unknown): void {
    this.record({ kind: 'mark', inputs: [], key }, []);
  }

  record(node: Node, outputs: readonly Tensor[]): void {
    for (const tensor of tensorsOf(node)) if (tensor.isReleased) throw givenBack(tensor);
    this.#recording.record(node, outputs);
  }

  /** Runs `work`, whose ops report to a tape. */
  recordingOn<T>(tape: Recorder['tape'], work: () => T): T {
    const outer = this.#tape;
    this.#tape = tape;
    try {
      return work();
    } finally {
      this.#tape = outer;
    }
  }

  /** Overwrites a tensor, in order with what has been asked for. */
  write(tensor: Tensor, data: TypedArray): void {
    this.#refuseInCapture('a write from the host\nhint: make the tensor before the capture');
    this.#queueRecorded();
    this.#queue.write(this.#there(tensor), data);
  }

  /** As {@link write}, for much data again and again: done with the next submit, by way of memory that is kept for it. */
  upload(tensor: Tensor, data: TypedArray): void {
    this.#refuseInCapture('an upload');
    this.#queueRecorded();
    this.#queue.upload(this.#there(tensor), data);
  }

  /** Runs `work`; the tensors it makes are released, but for those it returns. */
  scope<T>(work: () => T): T {
    return this.#recording.scope(work, (tensor) => this.release(tensor));
  }

  /**
   * Records what `work` dispatches, without running it; `submit` runs it, any number of times. Scratch memory is shared
   * between programs, which run one after the other; what `work` returns stays the program's own.
   * @throws {DeviceError} when a kernel does not compile.
   */
  async capture<Result>(work: () => Result): Promise<Program<Result>> {
    const { result, dispatches, marks } = this.#captured(work);
    await this.#pipelines.ready();
    this.#place(dispatches);
    const memories = new Set(dispatches.flatMap(memoriesOf));
    return new Program(result, this.#queue.bind(dispatches), { marks, memories });
  }

  /** Tries whether there is memory for some work, and says if there is not. @throws {DeviceError} for anything else that is refused. */
  withinMemory<T>(work: () => Promise<T>): Promise<WithinMemory<T>> {
    this.#queueRecorded();
    const takeBack = this.#queue.checkpoint();
    return withinMemory(this, this.#memory, work, () => (this.#recording.take(), takeBack()));
  }

  /**
   * Runs what has been dispatched, then in one submit and in the given order: runs programs, and reads tensors as they are then.
   * @returns what was read, in order: the bits of each tensor as of f32.
   * @throws {DeviceError} for anything that the device has refused since the last fence.
   */
  async submit(work: readonly (Program | Tensor)[]): Promise<Float32Array<ArrayBuffer>[]> {
    const [arrival] = this.stream([{ work }]);
    return (await arrival!).data as Float32Array<ArrayBuffer>[];
  }

  /**
   * As {@link submit}, in several submits that are all asked for now: what an early stage reads arrives while the device works on
   * the later ones. The promises, one per stage, resolve in the order of stages, as {@link DeviceError} or with what was read.
   */
  stream(stages: readonly Stage[]): Promise<Arrival>[] {
    this.#refuseInCapture('a submit');
    this.#queueRecorded();
    for (const { work } of stages) for (const item of work) if (item instanceof Tensor) this.#there(item);
    return this.#queue.stream(stages);
  }

  /** Runs what has been asked for, and reads the tensors; see {@link Tensor.read} for the kinds of arrays. */
  async read<Data extends TypedArray = Float32Array<ArrayBuffer>>(tensors: readonly Tensor[]): Promise<Data[]> {
    const words = await this.submit(tensors);
    return tensors.map((tensor, i) => elementsOf(tensor, words[i]!) as Data);
  }

  /** @throws {DeviceError} for anything that the device has refused since the last call. */
  check(): void {
    this.#queue.check();
  }

  /** Gives a tensor's memory back; for views, and a second time, does nothing. */
  release(tensor: Tensor): void {
    if (tensor.isReleased) return;
    tensor.isReleased = true;
    this.#recording.disown(tensor);
    const memory = tensor.stored?.memory;
    if (!memory || memory.owner !== tensor.stored) return;
    if (memory.buffers.length === 0) memory.isTransient = true;
    else if (this.#recording.isEmpty) this.#memory.release(memory);
    else this.#retired.push(memory);
  }

  /** Waits for all work, then destroys the device. */
  async close(): Promise<void> {
    await this.#queue.close();
  }

  #plan(
    { shape, dtype, shards = 1 }: { shape: Shape; dtype: DType; shards?: number | undefined },
    isTransient: boolean,
  ): Memory {
    const bytes = bytesPerElement(dtype);
    // Rows in groups that can be bound by themselves, whatever their length.
    const grain = 64 * bytes * (shape.at(-1) ?? 1);
    return this.#memory.plan(bytes * sizeOf(shape) * shards, { grain, isTransient, held: { shape, dtype, shards } });
  }

  #captured<Result>(work: () => Result): {
    result: Result;
    dispatches: Dispatch[];
    marks: ReadonlyMap<unknown, number>;
  } {
    this.#queueRecorded();
    const outer = this.#recording;
    this.#recording = new Recording();
    this.#isCapturing = true;
    try {
      const result = this.scope(work);
      return { result, ...this.#lower(this.#recording.take()) };
    } finally {
      this.#isCapturing = false;
      this.#recording = outer;
    }
  }

  /** Lowers what has been recorded, and puts it into the queue. */
  #queueRecorded(): void {
    if (!this.#recording.isEmpty) {
      const { dispatches } = this.#lower(this.#recording.take());
      this.#place(dispatches);
      this.#queue.dispatch(dispatches);
    }
    for (const memory of this.#retired.splice(0)) this.#memory.release(memory);
  }

  #lower(nodes: readonly Recorded[]): { dispatches: Dispatch[]; marks: ReadonlyMap<unknown, number> } {
    const dispatches: Dispatch[] = [];
    const host: LoweringHost = {
      mostBindable: this.limits.maxStorageBufferBindingSize,
      rowFamily: this.families.rows,
      isRepeated: this.#isCapturing,
      grid: (count) => this.grid(count),
      allocate: (tensor, isTransient) => this.#plan(tensor, isTransient),
      emit: (emission) => void dispatches.push(this.#dispatchOf(emission)),
      get emitted() {
        return dispatches.length;
      },
    };
    const lowering = (this.#lowering = new Lowering(host, nodes));
    try {
      lowering.run();
    } finally {
      this.#lowering = undefined;
    }
    return { dispatches, marks: lowering.marks };
  }

  #dispatchOf({ kernel, ranges, params, workgroups, constants = {}, work = {} }: Emission): Dispatch {
    const entries: Dispatch['entries'][number][] = kernel.bindings.map(({ index, name }) => {
      const { memory, start, end } = ranges[name]!;
      this.#expectBindable(kernel.name, name, { memory, start, end });
      return { binding: index, memory, start, end };
    });
    if (kernel.params.length > 0) entries.push({ binding: 0, uniform: this.#uniforms.bind(kernel, params) });
    this.kernelsUsed.add(kernel.name);
    const pipeline = this.#pipelines.get(kernel, constants as Record<string, number>);
    const { flops = 0, bytes = boundBytes(entries) } = work;
    return { pipeline, entries, workgroups, params, work: { flops, bytes } };
  }

  #expectBindable(
    kernel: string,
    binding: string,
    { memory, start, end }: { memory: Memory; start: number; end: number },
  ): void {
    const { maxStorageBufferBindingSize: most } = this.limits;
    if (end - start > most || !memory.isWhole(start, end))
      throw new DeviceError(
        `${kernel}: expected ${binding} of at most ${Math.min(most, memory.partBytes)} bytes, which is what the adapter binds, got ${end - start}`,
      );
  }

  /** Gives buffers to what the dispatches are bound to. */
  #place(dispatches: readonly Dispatch[]): void {
    for (const memory of new Set(dispatches.flatMap(memoriesOf))) if (!memory.isTransient) this.#memory.hold(memory);
    this.#memory.place(dispatches);
  }

  /** What is empty is there though no kernel has written it. */
  #there(tensor: Tensor): Tensor {
    const { stored, isReleased } = tensor;
    if (stored && !isReleased && !stored.memory.isTransient) this.#memory.hold(stored.memory);
    if (!stored || isReleased || stored.memory.buffers.length === 0) throw givenBack(tensor);
    return tensor;
  }

  #refuseInCapture(what: string): void {
    if (this.#isCapturing) throw new DeviceError(`capture: expected kernels only, got ${what}`);
  }
}
