export type { Elements } from './call.ts';
export { addInto } from './add.ts';
export { sliceOf } from './call.ts';
export { closeCode } from './close-code.ts';
export { type ControlMessage, decodeControl, encodeControl } from './control.ts';
export { ConfigError, PeerLostError, ProtocolError, TimeoutError } from './errors.ts';
export {
  decodeFrame,
  encodeFrame,
  type Frame,
  type FrameHeader,
  type FrameKind,
  maxFrameBytes,
  maxPayloadBytes,
  protocolVersion,
} from './frame.ts';
export { createGroup, type Group, type GroupOptions } from './group.ts';
export { Mailbox, type MailboxOptions, type Piece } from './mailbox.ts';
export { type MemoryBridge, memoryBridge } from './memory.ts';
export { nonceBytes, prove, verify } from './proof.ts';
export { nodesOf, shardRange, type ShardRange } from './shard-tree.ts';
export type { SocketClass, SocketLike } from './socket.ts';
export type { Trace, TraceSpan } from './trace.ts';
export { checkPeer, type Transport } from './transport.ts';
export { rankOf, type View } from './view.ts';
export { connect, type ConnectOptions, type Session } from './ws.ts';
