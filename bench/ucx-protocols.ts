/**
 * UCX itself, without the bridge: one process sends to another and waits for an answer as long, by eager messages, by
 * rendezvous, and by a put into the other's registered memory with a message that says so. Both spin.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import koffi, { type LibraryHandle, type TypeObject } from 'koffi';
import { loadLibrary } from '../packages/rdma/src/load-library.ts';
import {
  api,
  contextParams,
  endpointParams,
  loadUcp,
  memoryParams,
  workerParams,
} from '../packages/rdma/src/libucp.mjs';

export const protocols = ['eager', 'rendezvous', 'put'] as const;
export type Protocol = (typeof protocols)[number];

export interface ProtocolOrder {
  readonly protocol: Protocol;
  readonly tls: string;
  readonly sizes: readonly number[];
}

/** What a side tells the other. */
interface Hello {
  readonly address: string;
  readonly memory: string;
  readonly key: string;
}

const library = 'libucp.so.0';

/** @returns the median microseconds one way, for each size. */
export async function measureProtocol(order: ProtocolOrder): Promise<number[]> {
  loadLibrary(library);
  const child = fork(fileURLToPath(import.meta.url), [JSON.stringify(order)]);
  const side = new Side(order);
  const [theirs] = (await once(child, 'message')) as [Hello];
  child.send(side.hello);
  side.meet(theirs);
  const times = order.sizes.map((size) => side.time(size, true));
  await new Promise((resolve) => child.once('exit', resolve).send('done'));
  return times;
}

const largest = (sizes: readonly number[]): number => Math.max(...sizes);
const addressOf = (array: ArrayBufferView): number => Number(koffi.address(array));

class Side {
  readonly #ucp = loadUcp(library);
  readonly #more = moreOfUcp();
  readonly #order: ProtocolOrder;
  readonly #context: number;
  readonly #worker: number;
  readonly #memory: number;
  readonly #out: Uint8Array;
  readonly #into: Uint8Array;
  readonly #plain = new Uint8Array(128);
  readonly #found = new BigUint64Array(2);
  #endpoint = 0;
  #remote = 0n;
  #key = 0;

  constructor(order: ProtocolOrder) {
    this.#order = order;
    this.#out = new Uint8Array(largest(order.sizes)).fill(1);
    this.#into = new Uint8Array(largest(order.sizes));
    this.#context = this.#createContext();
    const params = { field_mask: 1, cpu_mask: new BigUint64Array(16) };
    this.#worker = this.#made((cell) => this.#ucp.workerCreate(this.#context, params, cell), workerParams);
    const memory = { field_mask: 3, address: addressOf(this.#into), length: this.#into.length };
    this.#memory = this.#made((cell) => this.#ucp.memoryMap(this.#context, memory, cell), memoryParams);
  }

  #createContext(): number {
    const { protocol, tls } = this.#order;
    const threshold = { eager: 'inf', rendezvous: '0', put: '32k' }[protocol];
    const config = this.#made((cell) => this.#ucp.configRead(null, null, cell), contextParams);
    for (const [name, value] of Object.entries({ TLS: tls, RNDV_THRESH: threshold })) {
      this.#ucp.configModify(config, name, value);
    }
    const features = 1 | 2; // tag, rma
    const params = { field_mask: 1, features };
    return this.#made((cell) => this.#ucp.init(api.major, api.minor, params, config, cell), contextParams);
  }

  #made(make: (cell: BigUint64Array) => number, what: TypeObject): number {
    const cell = new BigUint64Array(1);
    const status = make(cell);
    if (status !== 0) throw new Error(`ucx: expected ${what.name}, got status ${status}`);
    return Number(cell[0]);
  }

  get hello(): Hello {
    const [address, length, key, keyLength] = Array.from({ length: 4 }, () => new BigUint64Array(1));
    this.#ucp.workerGetAddress(this.#worker, address, length);
    this.#more.keyPack(this.#context, this.#memory, key, keyLength);
    const text = (at: BigUint64Array, size: BigUint64Array): string =>
      Buffer.from(koffi.decode(at[0], koffi.array('uint8', Number(size[0])))).toString('base64');
    return { address: text(address!, length!), memory: String(addressOf(this.#into)), key: text(key!, keyLength!) };
  }

  meet({ address, memory, key }: Hello): void {
    const theirs = Buffer.from(address, 'base64');
    const params = { field_mask: 1, address: addressOf(theirs) };
    this.#endpoint = this.#made((cell) => this.#ucp.endpointCreate(this.#worker, params, cell), endpointParams);
    this.#remote = BigInt(memory);
    const packed = Buffer.from(key, 'base64');
    this.#key = this.#made((cell) => this.#more.keyUnpack(this.#endpoint, packed, cell), memoryParams);
  }

  /** @returns median microseconds one way. */
  time(size: number, first: boolean): number {
    const times: number[] = [];
    const rounds = size > 1e6 ? 40 : 400;
    for (let i = 0; i < rounds; i++) {
      const start = performance.now();
      this.#out[size - 1] = i;
      if (first) this.#send(size);
      this.#recv(size);
      if (this.#into[size - 1] !== i % 256) throw new Error(`${this.#order.protocol}: got other bytes than were sent`);
      if (!first) this.#send(size);
      times.push((performance.now() - start) * 500);
    }
    return times.sort((a, b) => a - b)[rounds >> 1]!;
  }

  #send(size: number): void {
    const from = addressOf(this.#out);
    if (this.#order.protocol !== 'put')
      return this.#wait(this.#ucp.tagSend(this.#endpoint, from, size, 1, this.#plain));
    this.#wait(this.#more.put(this.#endpoint, from, size, this.#remote, this.#key, this.#plain));
    this.#wait(this.#ucp.endpointFlush(this.#endpoint, this.#plain));
    this.#wait(this.#ucp.tagSend(this.#endpoint, 0, 0, 1, this.#plain));
  }

  #recv(size: number): void {
    let message = 0;
    while (message === 0) {
      this.#ucp.progress(this.#worker);
      message = this.#ucp.tagProbe(this.#worker, 0, 0, 1, this.#found);
    }
    const length = this.#order.protocol === 'put' ? 0 : size;
    this.#wait(this.#ucp.messageRecv(this.#worker, addressOf(this.#into), length, message, this.#plain));
  }

  #wait(request: number): void {
    if (request < 0) throw new Error(`ucx: expected success, got status ${request}`);
    if (request === 0) return;
    while (this.#ucp.requestStatus(request) === 1) this.#ucp.progress(this.#worker);
    this.#ucp.requestFree(request);
  }
}

/** What the bridge does not use. */
function moreOfUcp(): Record<'keyPack' | 'keyUnpack' | 'put', ReturnType<LibraryHandle['func']>> {
  const ucp = koffi.load(library);
  return {
    keyPack: ucp.func('ucp_rkey_pack', 'int8', ['uint64', 'uint64', 'void *', 'void *']),
    keyUnpack: ucp.func('ucp_ep_rkey_unpack', 'int8', ['uint64', 'void *', 'void *']),
    put: ucp.func('ucp_put_nbx', 'intptr_t', ['uint64', 'uint64', 'size_t', 'uint64', 'uint64', 'void *']),
  };
}

async function answer(order: ProtocolOrder): Promise<void> {
  loadLibrary(library);
  const side = new Side(order);
  const met = once(process, 'message');
  process.send!(side.hello);
  side.meet(((await met) as [Hello])[0]);
  const done = once(process, 'message');
  for (const size of order.sizes) side.time(size, false);
  await done;
  process.exit(0);
}

if (process.send && process.argv[2]?.startsWith('{')) await answer(JSON.parse(process.argv[2]) as ProtocolOrder);
