// What goes to the device, in order: dispatches, programs, and copies to and from the host.
import { DeviceError } from '@lockstep/errors';
import type { TypedArray } from '../dtype.ts';
import { Tensor } from '../tensor.ts';
import { bindDispatches, type BoundDispatch, type Dispatch } from './dispatch.ts';
import type { Pipelines } from './pipelines.ts';
import { Program } from './program.ts';
import { type Copy, Staging } from './staging.ts';
import { Uploads } from './uploads.ts';

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

type Write = { readonly tensor: Tensor; readonly data: TypedArray };
/** What goes into a command encoder as it is: a program, or a copy between device and host. */
type Encodable = { encode(encoder: GPUCommandEncoder): void; submitted?(): void };
/** Ends a submit. */
const cut = { cut: true };
type Command = Dispatch | Write | Encodable | typeof cut;

export class Queue {
  readonly #gpu: GPUDevice;
  readonly #pipelines: Pipelines;
  readonly #staging: Staging;
  readonly #uploads: Uploads;
  readonly #errors: string[] = [];
  readonly #commands: Command[] = [];
  #bindGroups = 0;
  #submits = 0;
  #isClosed = false;
  /** Kernels that have been submitted since the host last saw the device finish. */
  #running = new Set<string>();
  readonly #deadlineMs: number;

  constructor(gpu: GPUDevice, pipelines: Pipelines, deadlineMs: number) {
    this.#gpu = gpu;
    this.#deadlineMs = deadlineMs;
    this.#pipelines = pipelines;
    this.#staging = new Staging(gpu);
    this.#uploads = new Uploads(gpu);
    gpu.addEventListener('uncapturederror', (event) => this.#errors.push(event.error.message));
    void gpu.lost.then(({ message }) => this.#isClosed || this.#errors.push(`device lost: ${message}`));
  }

  get stats(): { buffers: number; bindGroups: number; submits: number } {
    const buffers = this.#staging.buffers + this.#uploads.buffers;
    return { buffers, bindGroups: this.#bindGroups, submits: this.#submits };
  }

  /** The function takes back what is asked for from now on and has not been submitted. */
  checkpoint(): () => void {
    const { length } = this.#commands;
    return () => void this.#commands.splice(length);
  }

  /** Asks for dispatches, whose memories have buffers. */
  dispatch(dispatches: readonly Dispatch[]): void {
    for (const dispatch of dispatches) this.#commands.push(dispatch);
  }

  /** Overwrites a tensor, in order with what has been asked for. */
  write(tensor: Tensor, data: TypedArray): void {
    if (this.#commands.length === 0) this.#uploads.write(tensor, data);
    else this.#commands.push({ tensor, data: data.slice() });
  }

  /** As {@link write}, for much data again and again: done with the next submit, by way of memory that is kept for it. */
  upload(tensor: Tensor, data: TypedArray): void {
    this.#commands.push(this.#uploads.copy(tensor, data));
  }

  /** Submits of what has been asked for so far, then one for each stage; see {@link Device.stream}. */
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

  /** @throws {DeviceError} for anything that the device has refused since the last call. */
  check(): void {
    const [first, ...more] = this.#errors.splice(0);
    if (first) throw new DeviceError(`device: ${first}${more.length > 0 ? ` (and ${more.length} more)` : ''}`);
  }

  /** Makes the bind groups of dispatches that are compiled. @throws {DeviceError} naming a kernel that the driver refused. */
  bind(dispatches: readonly Dispatch[]): BoundDispatch[] {
    for (const { pipeline } of dispatches) if (pipeline.failure) throw pipeline.failure;
    this.#bindGroups += dispatches.length;
    return bindDispatches(this.#gpu, dispatches);
  }

  /** Waits for all work, then destroys the device. */
  async close(): Promise<void> {
    await this.#gpu.queue.onSubmittedWorkDone();
    this.#isClosed = true;
    this.#gpu.destroy();
  }

  #enqueue(work: Stage['work']): Copy[] {
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
    const running = this.#running;
    try {
      const mapped = this.#staging.map(copies).then(() => performance.now());
      const [readyAt] = await this.#inTime(Promise.all([mapped, before]), running);
      if (this.#running === running) this.#running = new Set();
      return { data: this.#staging.take(copies, into), readyAt };
    } catch (cause) {
      if (cause instanceof DeviceError) throw cause;
      throw new DeviceError(`device: a read-back failed: ${String(cause)}`, { cause });
    } finally {
      this.check();
    }
  }

  /** @throws {DeviceError} naming what runs when it takes longer than the deadline: no driver tells of a kernel that never ends. */
  async #inTime<T>(work: Promise<T>, running: ReadonlySet<string>): Promise<T> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(this.#tooLate(running)), this.#deadlineMs);
    });
    try {
      return await Promise.race([work, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  #tooLate(running: ReadonlySet<string>): DeviceError {
    const names = [...running];
    const shown = names.slice(0, 5).join(', ') + (names.length > 5 ? ` and ${names.length - 5} more` : '');
    return new DeviceError(
      `device: expected kernels that end within ${this.#deadlineMs / 1000} s, got none of ${shown || 'those that run'}\nhint: the device goes on with them; only the end of this process stops it`,
    );
  }

  /** Runs all pending commands, in one submit; only around what the host writes there are several. */
  #flush(): void {
    let work: Encodable[] = [];
    let dispatches: Dispatch[] = [];
    const bind = (): void => {
      if (dispatches.length > 0) work.push(new Program(undefined, this.bind(dispatches)));
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
        this.#uploads.write(command.tensor, command.data);
      }
    }
    submit();
  }

  #submit(work: readonly Encodable[]): void {
    if (work.length === 0) return;
    const encoder = this.#gpu.createCommandEncoder();
    for (const item of work) {
      item.encode(encoder);
      if (item instanceof Program) for (const { kernel } of item.dispatches) this.#running.add(kernel);
    }
    this.#gpu.queue.submit([encoder.finish()]);
    for (const item of work) item.submitted?.();
    this.#submits++;
  }
}
