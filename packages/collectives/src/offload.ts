// What a bridge needs that carries out collectives in a thread of its own, without the rest of this package.

export { arena, shareArena } from './arithmetic/arena.ts';
export type { Elements } from './call.ts';
export { MismatchError, PeerLostError, ProtocolError, TimeoutError } from './errors.ts';
export type { Order } from './order.ts';
export { type Offload, type Performed, Performer, type Plot } from './performer.ts';
export { Scratch } from './scratch.ts';
export { Waits } from './waits.ts';
