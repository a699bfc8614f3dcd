// One UCX context with one worker: made, asked, progressed, slept on and destroyed. It knows nothing of ranks.

import koffi, { type TypeObject } from 'koffi';
import { addressOfTime, printed } from './libc.ts';
import {
  api,
  contextParams,
  endpointParams,
  type Fields,
  feature,
  loadUcp,
  memoryParams,
  requestParam,
  type Ucp,
  ucs,
  workerParams,
} from './libucp.ts';

/** How UCX is loaded and set. */
export interface UcxSettings {
  /** The path of libucp, or its name for the loader. */
  readonly library: string;
  /** Settings of UCX without the prefix UCX_. */
  readonly config: Readonly<Record<string, string>>;
  /** The same, but this UCX need not know them. */
  readonly defaults: Readonly<Record<string, string>>;
}

/** A message that has begun to arrive. */
export interface Found {
  readonly message: number;
  readonly group: number;
  readonly tag: number;
  readonly length: number;
}

const peerErrors = 1; // UCP_ERR_HANDLING_MODE_PEER
const force = 1; // UCP_EP_CLOSE_FLAG_FORCE

/** A number that UCX writes: a handle, a length. */
class Out {
  readonly cell = new BigUint64Array(1);

  get value(): number {
    return Number(this.cell[0]);
  }
}

/** All fields of a struct, 0 where none is given. */
function zeroed(type: TypeObject, fields: Readonly<Record<string, number>>): Fields {
  const names = Object.keys(type.members ?? {});
  return Object.fromEntries(names.map((name) => [name, fields[name] ?? 0]));
}

export class UcxWorker {
  readonly #ucp: Ucp;
  readonly #context: number;
  readonly #worker: number;
  /** Parameters of an operation that has none. */
  readonly #plain = new Uint8Array(koffi.sizeof(requestParam));
  readonly #forced = new Uint8Array(koffi.sizeof(requestParam));
  /** What the last probe found: [tag, length]. */
  readonly #found = new BigUint64Array(2);
  readonly #foundWords = new Uint32Array(this.#found.buffer);
  readonly #onError = addressOfTime();

  constructor({ library, config, defaults }: UcxSettings) {
    this.#ucp = loadUcp(library);
    koffi.encode(this.#forced, requestParam, zeroed(requestParam, { op_attr_mask: 1 << 4, flags: force }));
    this.#context = this.#createContext(config, defaults);
    this.#worker = this.#createWorker();
  }

  #createContext(settings: UcxSettings['config'], defaults: UcxSettings['defaults']): number {
    const config = new Out();
    this.#check(this.#ucp.configRead(null, null, config.cell), 'ucp_config_read');
    for (const [name, value] of Object.entries(defaults)) this.#ucp.configModify(config.value, name, value);
    for (const [name, value] of Object.entries(settings)) {
      this.#check(this.#ucp.configModify(config.value, name, value), `setting UCX_${name} to ${value}`);
    }
    const context = new Out();
    const params = {
      ...zeroed(contextParams, {}),
      field_mask: 1,
      features: feature.tag | feature.rma | feature.wakeup,
    };
    const status = this.#ucp.init(api.major, api.minor, params, config.value, context.cell);
    this.#ucp.configRelease(config.value);
    this.#check(status, 'ucp_init');
    return context.value;
  }

  #createWorker(): number {
    const worker = new Out();
    const params = {
      ...zeroed(workerParams, {}),
      field_mask: 1 | (1 << 5),
      cpu_mask: new BigUint64Array(16),
      flags: 1,
    };
    this.#check(this.#ucp.workerCreate(this.#context, params, worker.cell), 'ucp_worker_create');
    return worker.value;
  }

  #check(status: number, what: string): void {
    if (status !== ucs.ok) throw new Error(`${what}: expected success of UCX, got "${this.describe(status)}"`);
  }

  /** @returns UCX's words for it */
  describe(status: number): string {
    return this.#ucp.statusString(status);
  }

  /** @returns a copy of the worker's address */
  get address(): Uint8Array {
    const [address, length] = [new Out(), new Out()];
    this.#check(this.#ucp.workerGetAddress(this.#worker, address.cell, length.cell), 'ucp_worker_get_address');
    const bytes = Uint8Array.from(koffi.decode(address.value, koffi.array('uint8', length.value)));
    this.#ucp.workerReleaseAddress(this.#worker, address.value);
    return bytes;
  }

  /** @returns the devices and transports that UCX found and may use */
  get resources(): string {
    return printed((stream) => this.#ucp.printInfo(this.#context, stream));
  }

  /** @returns becomes readable when there is something to progress, once `arm` has said yes */
  get eventFd(): number {
    const fd = new Int32Array(2);
    this.#check(this.#ucp.workerGetEventFd(this.#worker, fd), 'ucp_worker_get_efd');
    return Number(fd[0]);
  }

  /** @returns false where something came meanwhile: progress again */
  arm(): boolean {
    return this.#ucp.workerArm(this.#worker) === ucs.ok;
  }

  /** @returns whether anything moved */
  progress(): boolean {
    let moved = false;
    // No more at once than there are buffers for.
    for (let i = 0; i < 16 && this.#ucp.progress(this.#worker) !== 0; i++) moved = true;
    return moved;
  }

  /** Takes the oldest message that has begun to arrive and nobody has taken yet. */
  probe(): { message: number; group: number; tag: number; length: number } | undefined {
    const message = this.#ucp.tagProbe(this.#worker, 0, 0, 1, this.#found);
    if (message === 0) return undefined;
    const [tag, group] = this.#foundWords;
    return { message, group: Number(group), tag: Number(tag), length: Number(this.#found[1]) };
  }

  /**
   * @param message from `probe`
   * @param address where it goes
   * @param length bytes there
   * @returns 0 done, below 0 an error, else a request
   */
  recv(message: number, address: number, length: number): number {
    return this.#ucp.messageRecv(this.#worker, address, length, message, this.#plain);
  }

  /** @returns as `recv` */
  send(endpoint: number, group: number, tag: number, address: number, length: number): number {
    const ucpTag = (BigInt(group) << 32n) | BigInt(tag);
    return this.#ucp.tagSend(endpoint, address, length, ucpTag, this.#plain);
  }

  isUnderWay(request: number): boolean {
    return this.#ucp.requestStatus(request) === ucs.inProgress;
  }

  /** @returns status; the request is freed unless it is in progress */
  test(request: number): number {
    const status = this.#ucp.requestStatus(request);
    if (status !== ucs.inProgress) this.#ucp.requestFree(request);
    return status;
  }

  /**
   * @param address of the peer's worker, as its UCX gave it
   * @param failed address of 8 bytes that become other than 0 when the peer cannot be reached any more
   * @returns endpoint, or below 0 a status
   */
  connect(address: Uint8Array, failed: number): number {
    // The endpoint may be built on a connection that the peer has made, and that has just ended: UCX 1.13 aborts when
    // that is found out but not finished (`!(ep->flags & UCT_TCP_EP_FLAG_CTX_TYPE_TX)`). So first whatever is due.
    for (let quiet = 0, i = 0; quiet < 2 && i < 100; i++) quiet = this.progress() ? 0 : quiet + 1;
    const endpoint = new Out();
    const fields = {
      address: Number(koffi.address(address)),
      err_mode: peerErrors,
      err_cb: this.#onError,
      err_arg: failed,
    };
    const params = zeroed(endpointParams, { ...fields, field_mask: 0b111 });
    const status = this.#ucp.endpointCreate(this.#worker, params, endpoint.cell);
    return status === ucs.ok ? endpoint.value : status;
  }

  /** @returns 0 done, below 0 an error, else a request that ends when all is sent */
  flush(endpoint: number): number {
    return this.#ucp.endpointFlush(endpoint, this.#plain);
  }

  /** Lets go of an endpoint at once; its operations end with an error. */
  disconnect(endpoint: number): number {
    return this.#ucp.endpointClose(endpoint, this.#forced);
  }

  /** @returns handle, or 0 where it could not be registered */
  register(address: number, length: number): number {
    const memory = new Out();
    const params = zeroed(memoryParams, { field_mask: 0b11, address, length });
    return this.#ucp.memoryMap(this.#context, params, memory.cell) === ucs.ok ? memory.value : 0;
  }

  unregister(memory: number): void {
    this.#ucp.memoryUnmap(this.#context, memory);
  }

  destroy(): void {
    this.#ucp.workerDestroy(this.#worker);
    this.#ucp.cleanup(this.#context);
  }
}
