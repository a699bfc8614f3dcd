// The owner of everything on one adapter: memory, pipelines, limits and the error state. Work is recorded first and
// submitted later: by `capture` as a program to run again and again, by `read` and `flush` as it comes.
import { fill, type Kernel } from '@lockstep/kernels';
import { type AdapterFacts, chooseFamilies, factsOf, type Families } from './adapter-facts.ts';
import { BufferPool } from './buffer-pool.ts';
import { DeviceError } from './errors.ts';
import { pieces } from './pieces.ts';
import { Pipelines } from './pipelines.ts';
import { bindDispatches, type BoundDispatch, type Dispatch, Program } from './program.ts';
import { roundsGrid } from './rounds.ts';
import { Scope } from './scope.ts';
import { type Shape, sizeOf } from './shape.ts';
import { type Copy, Staging } from './staging.ts';
import { Tape, type TapeOptions } from './tape.ts';
import { type DType, type Slice, Tensor, type TypedArray } from './tensor.ts';
import { Uniforms } from './uniforms.ts';
import { Uploads } from './uploads.ts';

/** What exists and what has been done, for tests and for `lockstep doctor`. */
export interface DeviceStats {
  readonly buffers: number;
  readonly bytes: number;
  readonly bindGroups: number;
  readonly submits: number;
}

/** What goes into one submit, in this order: programs to run, and tensors to read as they are then. */
export interface Stage {
  readonly work: readonly (Program | Tensor)[];
  /** Arrays to fill with what is read, instead of making new ones. */
  readonly into?: readonly Float32Array[];
}

/** What a stage has read. */
export interface Arrival {
  readonly data: readonly Float32Array[];
  /** When the device had finished the stage, and the host saw it: milliseconds of `performance.now()`. */
  readonly readyAt: number;
}

type Write = { readonly slice: Slice; readonly data: TypedArray };
/** What goes into a command encoder as it is: a program, or a copy between device and host. */
type Encodable = { encode(encoder: GPUCommandEncoder): void; submitted?(): void };
/** Ends a submit. */
const cut = { cut: true };
type Command = Dispatch | Write | Encodable | typeof cut;

export class Device {
  readonly gpu: GPUDevice;
  readonly facts: AdapterFacts;
  readonly limits: GPUSupportedLimits;
  /** Which kernels run here. Replaced only by tests, which try every family. */
  families: Families;
  /** The tape that ops report to, while there is one. */
  tape: Tape | undefined;
  /** A few bytes to bind where a kernel's constants switch an output off. */
  readonly nowhere: Tensor;
  /** Names of the kernels that have been dispatched. */
  readonly kernelsUsed: Set<string> = new Set();
  readonly #pool: BufferPool;
  /** Memory of programs: shared by them, used by nobody else. */
  readonly #scratch: BufferPool;
  readonly #pipelines: Pipelines;
  readonly #uniforms: Uniforms;
  readonly #staging: Staging;
  readonly #uploads: Uploads;
  readonly #live = new Map<Slice, BufferPool>();
  readonly #errors: string[] = [];
  #commands: Command[] = [];
  #capturing = false;
  #scope: Scope | undefined;
  #bindGroups = 0;
  #submits = 0;
  #closed = false;

  /**
   * Opens the best adapter of `gpu` with all its limits and the features that Lockstep knows to use.
   * @throws {DeviceError} when there is no adapter.
   */
  static async open(gpu: GPU): Promise<Device> {
    const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
    if (!adapter) throw new DeviceError('device: no WebGPU adapter\nhint: `npx lockstep doctor` tells what is missing');
    const wanted: GPUFeatureName[] = ['subgroups', 'shader-f16', 'timestamp-query'];
    const requiredLimits: Record<string, number> = {};
    for (const name in adapter.limits) {
      const value = (adapter.limits as unknown as Record<string, unknown>)[name];
      if (typeof value === 'number') requiredLimits[name] = value;
    }
    const device = await adapter.requestDevice({
      requiredFeatures: wanted.filter((name) => adapter.features.has(name)),
      requiredLimits,
    });
    return new Device(device, factsOf(adapter));
  }

  constructor(gpu: GPUDevice, facts: AdapterFacts) {
    this.gpu = gpu;
    this.facts = facts;
    this.limits = gpu.limits;
    this.families = chooseFamilies(facts);
    this.#pool = new BufferPool(gpu);
    this.#scratch = new BufferPool(gpu);
    this.#pipelines = new Pipelines(gpu);
    this.#uniforms = new Uniforms(gpu);
    this.#staging = new Staging(gpu);
    this.#uploads = new Uploads(gpu);
    this.nowhere = this.empty([4]);
    gpu.addEventListener('uncapturederror', (event) => this.#errors.push(event.error.message));
    void gpu.lost.then(({ message }) => this.#closed || this.#errors.push(`device lost: ${message}`));
  }

  get stats(): DeviceStats {
    const pools = [this.#pool.stats, this.#scratch.stats];
    return {
      buffers: this.#staging.buffers + this.#uploads.buffers + pools.reduce((sum, { buffers }) => sum + buffers, 0),
      bytes: pools.reduce((sum, { bytes }) => sum + bytes, 0),
      bindGroups: this.#bindGroups,
      submits: this.#submits,
    };
  }

  /** A tensor with unspecified contents. @throws {DeviceError} when no buffer of the adapter is that large. */
  empty(shape: Shape, dtype: DType = 'f32'): Tensor {
    const bytes = 4 * sizeOf(shape);
    if (bytes > this.limits.maxBufferSize) {
      throw new DeviceError(
        `device: expected at most ${this.limits.maxBufferSize} bytes in a tensor, got ${bytes} for [${shape.join(', ')}]`,
      );
    }
    return this.#allocate(shape, dtype);
  }

  /** A tensor with the given elements. */
  tensor(data: TypedArray, shape: Shape = [data.length]): Tensor {
    const tensor = this.empty(shape, data instanceof Uint32Array ? 'u32' : 'f32');
    tensor.write(data);
    return tensor;
  }

  /** A tensor over part of another's memory, from the given element on; it is released with the other. */
  view(whole: Tensor, start: number, shape: Shape): Tensor {
    return new Tensor(this, shape, whole.dtype, { buffer: whole.slice.buffer, offset: whole.slice.offset + 4 * start });
  }

  /** Sets every element. */
  fill(tensor: Tensor, value: number): void {
    for (const { start, size } of pieces(this, tensor.size, 64)) {
      this.run(fill, { y: this.view(tensor, start, [size]) }, { size, value }, roundsGrid(this, fill, size));
    }
  }

  /** Workgroups for `count` items, folded into two dimensions where one cannot count them. */
  grid(count: number): [x: number, y: number, z: number] {
    const groups = Math.ceil(count);
    const y = Math.ceil(groups / this.limits.maxComputeWorkgroupsPerDimension);
    return [Math.ceil(groups / y), y, 1];
  }

  /** Dispatches a kernel. Recorded now, run with the next submit. */
  run<Params extends Record<string, number>, Binding extends string, Constant extends string>(
    kernel: Kernel<Params, Binding, Constant>,
    tensors: Record<NoInfer<Binding>, Tensor>,
    params: NoInfer<Params>,
    workgroups: readonly [x: number, y: number, z: number],
    constants: Partial<Record<NoInfer<Constant>, number>> = {},
  ): void {
    const pipeline = this.#pipelines.get(kernel, constants as Record<string, number>);
    const entries: GPUBindGroupEntry[] = kernel.bindings.map(({ index, name }) => ({
      binding: index,
      resource: this.#binding(kernel.name, tensors[name]),
    }));
    if (kernel.params.length > 0) entries.push({ binding: 0, resource: this.#uniforms.bind(kernel, params) });
    this.kernelsUsed.add(kernel.name);
    this.#commands.push({ pipeline, entries, workgroups });
  }

  /** How many dispatches wait for the next submit or, within a capture, have been recorded by it. */
  get recorded(): number {
    return this.#commands.length;
  }

  /** Overwrites a tensor, in order with what has been dispatched. */
  write(tensor: Tensor, data: TypedArray): void {
    this.#refuseInCapture('a write from the host\nhint: make the tensor before the capture');
    if (this.#commands.length === 0) this.#uploads.write(tensor.slice, data);
    else this.#commands.push({ slice: tensor.slice, data: data.slice() });
  }

  /** As {@link write}, for much data again and again: done with the next submit, by way of memory that is kept for it. */
  upload(tensor: Tensor, data: TypedArray): void {
    this.#refuseInCapture('an upload');
    this.#commands.push(this.#uploads.copy(tensor.slice, data));
  }

  /** Runs `work`; the tensors it makes are released, but for those it returns. */
  scope<T>(work: () => T): T {
    const outer = this.#scope;
    const scope = (this.#scope = new Scope());
    let result: T | undefined; // where `work` throws, nothing is kept
    try {
      return (result = work());
    } finally {
      this.#scope = outer;
      const { kept, released } = scope.split(result);
      for (const tensor of released) this.release(tensor);
      for (const tensor of kept) outer?.adopt(tensor);
    }
  }

  /** Runs `forward` under a tape, then backward from the loss it returns; parameters' gradients are filled. */
  differentiate(forward: () => Tensor, options: TapeOptions = {}): Tensor {
    const outer = this.tape;
    const tape = (this.tape = new Tape(this, options));
    try {
      return this.scope(() => {
        const loss = forward();
        tape.backward(loss);
        return loss;
      });
    } finally {
      this.tape = outer;
    }
  }

  /**
   * Records what `work` dispatches, without running it; `submit` runs it, any number of times. Scratch memory is shared
   * between programs, which run one after the other; what `work` returns stays the program's own.
   * @throws {DeviceError} when a kernel does not compile.
   */
  async capture<Result>(work: () => Result): Promise<Program<Result>> {
    const before = { commands: this.#commands, scope: this.#scope };
    this.#commands = [];
    this.#scope = undefined;
    this.#capturing = true;
    let result: Result;
    let dispatches: Dispatch[];
    try {
      result = this.scope(work);
      dispatches = this.#commands as Dispatch[];
    } finally {
      this.#capturing = false;
      this.#commands = before.commands;
      this.#scope = before.scope;
    }
    await this.#pipelines.ready();
    return new Program(result, this.#bind(dispatches));
  }

  /**
   * Runs what has been dispatched, then in one submit and in the given order: runs programs, and reads tensors as they are then.
   * @returns what was read, in order.
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
    // Asked for here and now, so that what is dispatched or written while pipelines compile comes after it.
    const copies = stages.map(({ work }) => this.#enqueue(work));
    let before: Promise<unknown> = this.#flushed();
    const flushed = before;
    return stages.map(({ into = [] }, i) => {
      const arrival = this.#arrive(copies[i]!, { into, flushed, before });
      before = arrival.catch(() => undefined);
      return arrival;
    });
  }

  /** Runs what has been dispatched, and reads the tensors. */
  async read(tensors: readonly Tensor[]): Promise<Float32Array<ArrayBuffer>[]> {
    return this.submit(tensors);
  }

  /** @throws {DeviceError} for anything that the device has refused since the last call. */
  check(): void {
    const [first, ...more] = this.#errors.splice(0);
    if (first) throw new DeviceError(`device: ${first}${more.length > 0 ? ` (and ${more.length} more)` : ''}`);
  }

  /** Gives a tensor's memory back; for views, and a second time, does nothing. */
  release(tensor: Tensor): void {
    const pool = this.#live.get(tensor.slice);
    if (!pool) return;
    this.#live.delete(tensor.slice);
    this.#scope?.disown(tensor);
    pool.give(tensor.slice.buffer);
  }

  /** Waits for all work, then destroys the device. */
  async close(): Promise<void> {
    await this.gpu.queue.onSubmittedWorkDone();
    this.#closed = true;
    this.gpu.destroy();
  }

  #allocate(shape: Shape, dtype: DType): Tensor {
    const pool = this.#capturing ? this.#scratch : this.#pool;
    const tensor = new Tensor(this, shape, dtype, { buffer: pool.take(4 * sizeOf(shape)), offset: 0 });
    this.#live.set(tensor.slice, pool);
    this.#scope?.adopt(tensor);
    return tensor;
  }

  #enqueue(work: Stage['work']): Copy[] {
    this.#refuseInCapture('a submit');
    const copies: Copy[] = [];
    for (const item of work) {
      if (item instanceof Tensor) copies.push(this.#staging.copy(item));
      this.#commands.push(item instanceof Tensor ? copies.at(-1)! : item);
    }
    this.#commands.push(cut);
    return copies;
  }

  async #flushed(): Promise<void> {
    do await this.#pipelines.ready();
    while (this.#pipelines.areCompiling);
    this.#flush();
  }

  async #arrive(
    copies: readonly Copy[],
    { into, flushed, before }: { into: readonly Float32Array[]; flushed: Promise<unknown>; before: Promise<unknown> },
  ): Promise<Arrival> {
    await flushed;
    if (copies.length === 0) return { data: [], readyAt: performance.now() };
    try {
      const mapped = this.#staging.map(copies).then(() => performance.now());
      const [readyAt] = await Promise.all([mapped, before]);
      return { data: this.#staging.take(copies, into), readyAt };
    } catch (cause) {
      throw new DeviceError(`device: a read-back failed: ${String(cause)}`, { cause });
    } finally {
      this.check();
    }
  }

  #refuseInCapture(what: string): void {
    if (this.#capturing) throw new DeviceError(`capture: expected kernels only, got ${what}`);
  }

  #binding(kernel: string, { slice, byteLength, shape }: Tensor): GPUBufferBinding {
    const size = Math.ceil(byteLength / 16) * 16;
    const { maxStorageBufferBindingSize: most } = this.limits;
    if (size > most)
      throw new DeviceError(
        `${kernel}: expected tensors of at most ${most} bytes, which is what the adapter binds, got ${size} for [${shape.join(', ')}]`,
      );
    return { buffer: slice.buffer, offset: slice.offset, size };
  }

  #bind(dispatches: readonly Dispatch[]): BoundDispatch[] {
    this.#bindGroups += dispatches.length;
    return bindDispatches(this.gpu, dispatches);
  }

  /** Runs all pending commands, in one submit; only around what the host writes there are several. */
  #flush(): void {
    let work: Encodable[] = [];
    let dispatches: Dispatch[] = [];
    const bind = (): void => {
      if (dispatches.length > 0) work.push(new Program(undefined, this.#bind(dispatches)));
      dispatches = [];
    };
    const submit = (): void => {
      bind();
      this.#submit(work);
      work = [];
    };
    for (const command of this.#commands.splice(0)) {
      if ('pipeline' in command) dispatches.push(command);
      else if ('encode' in command) {
        bind();
        work.push(command);
      } else if (command === cut) submit();
      else if ('data' in command) {
        submit();
        this.#uploads.write(command.slice, command.data);
      }
    }
    submit();
  }

  #submit(work: readonly Encodable[]): void {
    if (work.length === 0) return;
    const encoder = this.gpu.createCommandEncoder();
    for (const item of work) item.encode(encoder);
    this.gpu.queue.submit([encoder.finish()]);
    for (const item of work) item.submitted?.();
    this.#submits++;
  }
}
