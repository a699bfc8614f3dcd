// `lockstep/protocol`: what lies beneath a job, for those who measure it or build a launcher or a bridge of their own. It may change with any
// release; what scripts need is in `lockstep`.
export { arena, encodingOf, type Session } from '@lockstep/collectives';
export { connect } from '@lockstep/collectives/node';
export { openUcx, type UcxOptions, type UcxTransport } from '@lockstep/rdma';
export type { BridgeWish } from './job/choose-bridge.ts';
export { type Hub, startHub } from './hub/hub.ts';
