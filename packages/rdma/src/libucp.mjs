// The functions of UCX's libucp that the bridge calls, declared for koffi. Layouts are those of ucp.h; UCX only appends
// fields, and every parameter struct starts with a mask that says which of its fields are set. Addresses and handles
// are plain numbers. What the functions are good for is not known here.
// @ts-check

import koffi from 'koffi';

/** UCX's status codes (ucs_status_t) that are told apart. */
export const ucs = { ok: 0, inProgress: 1, unreachable: -6, busy: -15 };

/** Bits of `ucp_params_t.features`. */
export const feature = { tag: 1, rma: 2, wakeup: 16 };

/** The API that is asked for in ucp_init_version; every later 1.x has it. */
export const api = { major: 1, minor: 11 };

export const contextParams = koffi.struct({
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

export const workerParams = koffi.struct({
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

export const endpointParams = koffi.struct({
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

export const memoryParams = koffi.struct({
  field_mask: 'uint64',
  address: 'uint64',
  length: 'size_t',
  flags: 'uint',
  prot: 'uint',
  memory_type: 'int',
  exported_memh_buffer: 'uint64',
});

export const requestParam = koffi.struct({
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

const declarations = {
  version: { name: 'ucp_get_version_string', returns: 'const char *', takes: [] },
  statusString: { name: 'ucs_status_string', returns: 'const char *', takes: ['int'] },
  configRead: { name: 'ucp_config_read', returns: result, takes: ['const char *', 'const char *', bytes] },
  configModify: { name: 'ucp_config_modify', returns: result, takes: [handle, 'const char *', 'const char *'] },
  configRelease: { name: 'ucp_config_release', returns: 'void', takes: [handle] },
  init: {
    name: 'ucp_init_version',
    returns: result,
    takes: ['uint', 'uint', koffi.pointer(contextParams), handle, bytes],
  },
  cleanup: { name: 'ucp_cleanup', returns: 'void', takes: [handle] },
  printInfo: { name: 'ucp_context_print_info', returns: 'void', takes: [handle, address] },
  workerCreate: { name: 'ucp_worker_create', returns: result, takes: [handle, koffi.pointer(workerParams), bytes] },
  workerDestroy: { name: 'ucp_worker_destroy', returns: 'void', takes: [handle] },
  workerGetAddress: { name: 'ucp_worker_get_address', returns: result, takes: [handle, bytes, bytes] },
  workerReleaseAddress: { name: 'ucp_worker_release_address', returns: 'void', takes: [handle, address] },
  workerGetEventFd: { name: 'ucp_worker_get_efd', returns: result, takes: [handle, bytes] },
  workerArm: { name: 'ucp_worker_arm', returns: result, takes: [handle] },
  progress: { name: 'ucp_worker_progress', returns: 'uint', takes: [handle] },
  endpointCreate: { name: 'ucp_ep_create', returns: result, takes: [handle, koffi.pointer(endpointParams), bytes] },
  endpointFlush: { name: 'ucp_ep_flush_nbx', returns: outcome, takes: [handle, bytes] },
  endpointClose: { name: 'ucp_ep_close_nbx', returns: outcome, takes: [handle, bytes] },
  tagSend: { name: 'ucp_tag_send_nbx', returns: outcome, takes: [handle, address, 'size_t', 'uint64', bytes] },
  tagProbe: { name: 'ucp_tag_probe_nb', returns: 'uintptr_t', takes: [handle, 'uint64', 'uint64', 'int', bytes] },
  messageRecv: { name: 'ucp_tag_msg_recv_nbx', returns: outcome, takes: [handle, address, 'size_t', 'uint64', bytes] },
  requestStatus: { name: 'ucp_request_check_status', returns: result, takes: [outcome] },
  requestFree: { name: 'ucp_request_free', returns: 'void', takes: [outcome] },
  memoryMap: { name: 'ucp_mem_map', returns: result, takes: [handle, koffi.pointer(memoryParams), bytes] },
  memoryUnmap: { name: 'ucp_mem_unmap', returns: result, takes: [handle, handle] },
};

/** @typedef {Record<keyof typeof declarations, ReturnType<import('koffi').LibraryHandle['func']>>} Ucp */

/**
 * @param {string} path of libucp, or its name for the loader
 * @returns {Ucp} throws where the library or one of the functions is missing
 */
export function loadUcp(path) {
  const library = koffi.load(path);
  const entries = Object.entries(declarations).map(([key, { name, returns, takes }]) => {
    return [key, library.func(name, returns, takes)];
  });
  return Object.fromEntries(entries);
}
