// The door of @lockstep/rdma.

export { openUcx, type ConnectOptions, type Ucx, type UcxOptions } from './open-ucx.ts';
export type { UcxTransport } from './ucx-transport.ts';
export { requireSharedMemory } from './shared-memory.ts';
