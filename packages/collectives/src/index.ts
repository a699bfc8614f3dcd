export type { Elements } from './call.ts';
export { assumedLinks, type Link, type Links, type Plan } from './algorithms/choose.ts';
export { type AlgorithmName, algorithmNames } from './algorithms/schedule.ts';
export { arena } from './arithmetic/arena.ts';
export {
  type DType,
  type Encoding,
  encodingOf,
  type HalfType,
  type Reducible,
  type ReduceOp,
  type Wire,
  wires,
} from './arithmetic/encoding.ts';
export { sliceBounds, sliceOf } from './call.ts';
export { closeCode } from './close-code.ts';
export { type ControlMessage, decodeControl, encodeControl } from './control.ts';
export { ConfigError, MismatchError, PeerLostError, ProtocolError, TimeoutError } from './errors.ts';
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
export { createGroup, type Group, type GroupOptions, type ReduceOptions, type SliceOptions } from './group.ts';
export { Mailbox, type MailboxOptions, type Piece } from './mailbox.ts';
export { type MemoryBridge, memoryBridge } from './memory.ts';
export { nonceBytes, prove, verify } from './proof.ts';
export { nodesOf, shardRange, type ShardRange } from './shard-tree.ts';
export type { Trace, TraceSpan } from './trace.ts';
export type { SocketClass, SocketLike } from './socket.ts';
export { checkPeer, type Transport } from './transport.ts';
export { rankOf, type View } from './view.ts';
export { connect, type ConnectOptions, type Session } from './ws.ts';
