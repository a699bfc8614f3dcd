// One UCX context with one worker: made, asked, progressed, slept on and destroyed. It knows nothing of ranks.
// @ts-check

import koffi from 'koffi';
import { addressOfTime, printed } from './libc.mjs';
import {
  api,
  contextParams,
  endpointParams,
  feature,
  loadUcp,
  memoryParams,
  requestParam,
  ucs,
  workerParams,
} from './libucp.mjs';

const peerErrors = 1; // UCP_ERR_HANDLING_MODE_PEER
const force = 1; // UCP_EP_CLOSE_FLAG_FORCE

/** A number that UCX writes: a handle, a length. */
class Out {
  cell = new BigUint64Array(1);

  get value() {
    return Number(this.cell[0]);
  }
}

/** @param {import('koffi').TypeObject} type @param {Record<string, number>} fields @returns {Record<string, unknown>} */
function zeroed(type, fields) {
  const names = Object.keys(type.members ?? {});
  return Object.fromEntries(names.map((name) => [name, fields[name] ?? 0]));
}

export class UcxWorker {
  #ucp;
  #context;
  #worker;
  /** Parameters of an operation that has none. */
  #plain = new Uint8Array(koffi.sizeof(requestParam));
  #forced = new Uint8Array(koffi.sizeof(requestParam));
  /** What the last probe found: [tag, length]. */
  #found = new BigUint64Array(2);
  #foundWords = new Uint32Array(this.#found.buffer);
  #onError = addressOfTime();

  /**
   * @param {object} options
   * @param {string} options.library
   * @param {Readonly<Record<string, string>>} options.config
   * @param {Readonly<Record<string, string>>} options.defaults
   */
  constructor({ library, config, defaults }) {
    this.#ucp = loadUcp(library);
    koffi.encode(this.#forced, requestParam, zeroed(requestParam, { op_attr_mask: 1 << 4, flags: force }));
    this.#context = this.#createContext(config, defaults);
    this.#worker = this.#createWorker();
  }

  /** @param {Readonly<Record<string, string>>} settings @param {Readonly<Record<string, string>>} defaults */
  #createContext(settings, defaults) {
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

  #createWorker() {
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

  /** @param {number} status @param {string} what */
  #check(status, what) {
    if (status !== ucs.ok) throw new Error(`${what}: expected success of UCX, got "${this.describe(status)}"`);
  }

  /** @param {number} status @returns {string} UCX's words for it */
  describe(status) {
    return this.#ucp.statusString(status);
  }

  /** @returns {Uint8Array} a copy of the worker's address */
  get address() {
    const [address, length] = [new Out(), new Out()];
    this.#check(this.#ucp.workerGetAddress(this.#worker, address.cell, length.cell), 'ucp_worker_get_address');
    const bytes = Uint8Array.from(koffi.decode(address.value, koffi.array('uint8', length.value)));
    this.#ucp.workerReleaseAddress(this.#worker, address.value);
    return bytes;
  }

  /** @returns {string} the devices and transports that UCX found and may use */
  get resources() {
    return printed((stream) => this.#ucp.printInfo(this.#context, stream));
  }

  /** @returns {number} becomes readable when there is something to progress, once `arm` has said yes */
  get eventFd() {
    const fd = new Int32Array(2);
    this.#check(this.#ucp.workerGetEventFd(this.#worker, fd), 'ucp_worker_get_efd');
    return Number(fd[0]);
  }

  /** @returns {boolean} false where something came meanwhile: progress again */
  arm() {
    return this.#ucp.workerArm(this.#worker) === ucs.ok;
  }

  /** @returns {boolean} whether anything moved */
  progress() {
    let moved = false;
    // No more at once than there are buffers for.
    for (let i = 0; i < 16 && this.#ucp.progress(this.#worker) !== 0; i++) moved = true;
    return moved;
  }

  /**
   * Takes the oldest message that has begun to arrive and nobody has taken yet.
   * @returns {{ message: number, group: number, tag: number, length: number } | undefined}
   */
  probe() {
    const message = this.#ucp.tagProbe(this.#worker, 0, 0, 1, this.#found);
    if (message === 0) return undefined;
    const [tag, group] = this.#foundWords;
    return { message, group: Number(group), tag: Number(tag), length: Number(this.#found[1]) };
  }

  /**
   * @param {number} message from `probe`
   * @param {number} address where it goes
   * @param {number} length bytes there
   * @returns {number} 0 done, below 0 an error, else a request
   */
  recv(message, address, length) {
    return this.#ucp.messageRecv(this.#worker, address, length, message, this.#plain);
  }

  /** @param {number} endpoint @param {number} group @param {number} tag @param {number} address @param {number} length */
  send(endpoint, group, tag, address, length) {
    const ucpTag = (BigInt(group) << 32n) | BigInt(tag);
    return this.#ucp.tagSend(endpoint, address, length, ucpTag, this.#plain);
  }

  /** @param {number} request */
  isUnderWay(request) {
    return this.#ucp.requestStatus(request) === ucs.inProgress;
  }

  /** @param {number} request @returns {number} status; the request is freed unless it is in progress */
  test(request) {
    const status = this.#ucp.requestStatus(request);
    if (status !== ucs.inProgress) this.#ucp.requestFree(request);
    return status;
  }

  /**
   * @param {Uint8Array} address of the peer's worker, as its UCX gave it
   * @param {number} failed address of 8 bytes that become other than 0 when the peer cannot be reached any more
   * @returns {number} endpoint, or below 0 a status
   */
  connect(address, failed) {
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

  /** @param {number} endpoint @returns {number} 0 done, below 0 an error, else a request that ends when all is sent */
  flush(endpoint) {
    return this.#ucp.endpointFlush(endpoint, this.#plain);
  }

  /** Lets go of an endpoint at once; its operations end with an error. @param {number} endpoint @returns {number} */
  disconnect(endpoint) {
    return this.#ucp.endpointClose(endpoint, this.#forced);
  }

  /** @param {number} address @param {number} length @returns {number} handle, or 0 where it could not be registered */
  register(address, length) {
    const memory = new Out();
    const params = zeroed(memoryParams, { field_mask: 0b11, address, length });
    return this.#ucp.memoryMap(this.#context, params, memory.cell) === ucs.ok ? memory.value : 0;
  }

  /** @param {number} memory */
  unregister(memory) {
    this.#ucp.memoryUnmap(this.#context, memory);
  }

  destroy() {
    this.#ucp.workerDestroy(this.#worker);
    this.#ucp.cleanup(this.#context);
  }
}
