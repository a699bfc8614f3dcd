// The functions of UCX's libucp that the bridge calls, declared for koffi. Layouts are those of ucp.h; UCX only appends
// fields, and every parameter struct starts with a mask that says which of its fields are set. Addresses and handles
// are plain numbers. What the functions are good for is not known here.

import koffi, { type TypeObject } from 'koffi';

/** UCX's status codes (ucs_status_t) that are told apart. */
export const ucs = { ok: 0, inProgress: 1, unreachable: -6, busy: -15 };

/** Bits of `ucp_params_t.features`. */
export const feature = { tag: 1, rma: 2, wakeup: 16 };

/** The API that is asked for in ucp_init_version; every later 1.x has it. */
export const api = { major: 1, minor: 11 };

export const contextParams: TypeObject = koffi.struct({
  field_mask: 'uint64',
  features: 'uint64',
  request_size: 'size_t',
  request_init: 'uint64',
  request_cleanup: 'uint64',
  tag_sender_mask: 'uint64',
  mt_workers_shared: 'int',
  estimated_num_eps: 'size_t',
  estimated_num_ppn: 'size_t',
  name: 'uint64',
});

export const workerParams: TypeObject = koffi.struct({
  field_mask: 'uint64',
  thread_mode: 'int',
  cpu_mask: koffi.array('uint64', 16),
  events: 'uint',
  user_data: 'uint64',
  event_fd: 'int',
  flags: 'uint64',
  name: 'uint64',
  am_alignment: 'size_t',
  client_id: 'uint64',
});

export const endpointParams: TypeObject = koffi.struct({
  field_mask: 'uint64',
  address: 'uint64',
  err_mode: 'int',
  err_cb: 'uint64',
  err_arg: 'uint64',
  user_data: 'uint64',
  flags: 'uint',
  sockaddr: 'uint64',
  addrlen: 'uint32',
  conn_request: 'uint64',
  name: 'uint64',
  local_sockaddr: 'uint64',
  local_addrlen: 'uint32',
});

export const memoryParams: TypeObject = koffi.struct({
  field_mask: 'uint64',
  address: 'uint64',
  length: 'size_t',
  flags: 'uint',
  prot: 'uint',
  memory_type: 'int',
  exported_memh_buffer: 'uint64',
});

export const requestParam: TypeObject = koffi.struct({
  op_attr_mask: 'uint32',
  flags: 'uint32',
  request: 'uint64',
  cb: 'uint64',
  datatype: 'uint64',
  user_data: 'uint64',
  reply_buffer: 'uint64',
  memory_type: 'int',
  recv_info: 'uint64',
  memh: 'uint64',
});

const handle = 'uint64';
const result = 'int8'; // ucs_status_t is a packed enum: one byte
const outcome = 'intptr_t'; // ucs_status_ptr_t: 0 is done, a small negative number an error, all else a request
const address = 'uint64';
const bytes = 'void *';

/** A struct's fields by name; all of them, where it is encoded. */
export type Fields = Readonly<Record<string, unknown>>;

/** Where a function writes. */
type Cell = BigUint64Array | Int32Array;

/** The functions by what they do. What is a status is 0 or below; a request is 0 or below, or above 0 where it is under way. */
export interface Ucp {
  version(): string;
  statusString(status: number): string;
  configRead(prefix: null, file: null, config: Cell): number;
  configModify(config: number, name: string, value: string): number;
  configRelease(config: number): void;
  init(major: number, minor: number, params: Fields, config: number, context: Cell): number;
  cleanup(context: number): void;
  printInfo(context: number, stream: number): void;
  workerCreate(context: number, params: Fields, worker: Cell): number;
  workerDestroy(worker: number): void;
  workerGetAddress(worker: number, address: Cell, length: Cell): number;
  workerReleaseAddress(worker: number, address: number): void;
  workerGetEventFd(worker: number, fd: Cell): number;
  workerArm(worker: number): number;
  progress(worker: number): number;
  endpointCreate(worker: number, params: Fields, endpoint: Cell): number;
  endpointFlush(endpoint: number, param: Uint8Array): number;
  endpointClose(endpoint: number, param: Uint8Array): number;
  tagSend(endpoint: number, address: number, length: number, tag: number | bigint, param: Uint8Array): number;
  tagProbe(worker: number, tag: number, mask: number, remove: number, info: Cell): number;
  messageRecv(worker: number, address: number, length: number, message: number, param: Uint8Array): number;
  requestStatus(request: number): number;
  requestFree(request: number): void;
  memoryMap(context: number, params: Fields, memory: Cell): number;
  memoryUnmap(context: number, memory: number): number;
}

/**
 * @param path of libucp, or its name for the loader
 * @throws where the library or one of the functions is missing
 */
export function loadUcp(path: string): Ucp {
  const library = koffi.load(path);
  return {
    version: library.func('ucp_get_version_string', 'const char *', []),
    statusString: library.func('ucs_status_string', 'const char *', ['int']),
    configRead: library.func('ucp_config_read', result, ['const char *', 'const char *', bytes]),
    configModify: library.func('ucp_config_modify', result, [handle, 'const char *', 'const char *']),
    configRelease: library.func('ucp_config_release', 'void', [handle]),
    init: library.func('ucp_init_version', result, ['uint', 'uint', koffi.pointer(contextParams), handle, bytes]),
    cleanup: library.func('ucp_cleanup', 'void', [handle]),
    printInfo: library.func('ucp_context_print_info', 'void', [handle, address]),
    workerCreate: library.func('ucp_worker_create', result, [handle, koffi.pointer(workerParams), bytes]),
    workerDestroy: library.func('ucp_worker_destroy', 'void', [handle]),
    workerGetAddress: library.func('ucp_worker_get_address', result, [handle, bytes, bytes]),
    workerReleaseAddress: library.func('ucp_worker_release_address', 'void', [handle, address]),
    workerGetEventFd: library.func('ucp_worker_get_efd', result, [handle, bytes]),
    workerArm: library.func('ucp_worker_arm', result, [handle]),
    progress: library.func('ucp_worker_progress', 'uint', [handle]),
    endpointCreate: library.func('ucp_ep_create', result, [handle, koffi.pointer(endpointParams), bytes]),
    endpointFlush: library.func('ucp_ep_flush_nbx', outcome, [handle, bytes]),
    endpointClose: library.func('ucp_ep_close_nbx', outcome, [handle, bytes]),
    tagSend: library.func('ucp_tag_send_nbx', outcome, [handle, address, 'size_t', 'uint64', bytes]),
    tagProbe: library.func('ucp_tag_probe_nb', 'uintptr_t', [handle, 'uint64', 'uint64', 'int', bytes]),
    messageRecv: library.func('ucp_tag_msg_recv_nbx', outcome, [handle, address, 'size_t', 'uint64', bytes]),
    requestStatus: library.func('ucp_request_check_status', result, [outcome]),
    requestFree: library.func('ucp_request_free', 'void', [outcome]),
    memoryMap: library.func('ucp_mem_map', result, [handle, koffi.pointer(memoryParams), bytes]),
    memoryUnmap: library.func('ucp_mem_unmap', result, [handle, handle]),
  };
}
