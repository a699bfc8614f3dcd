// What a bridge needs that executes collectives in a thread of its own, without the rest of this package.

export { arena, shareArena } from './arithmetic/arena.ts';
export type { Elements } from './call-channel.ts';
export { MismatchError, PeerLostError, TimeoutError } from '@lockstep/errors';
export { ProtocolError } from './protocol-error.ts';
export type { CollectiveCall } from './collective-call.ts';
export {
  type Offload,
  type OffloadingTransport,
  type CallTraffic,
  Executor,
  type GroupConfiguration,
} from './executor.ts';
export { Scratch } from './scratch.ts';
export { Waits } from './waits.ts';
