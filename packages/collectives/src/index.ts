export type { Elements } from './call-channel.ts';
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
export { sliceBounds, sliceOf } from './call-channel.ts';
export { closeCode } from './close-code.ts';
export { type ControlMessage, decodeControl, encodeControl } from './websocket/control.ts';
export { ArgumentError, ConfigError, MismatchError, PeerLostError, TimeoutError } from '@lockstep/errors';
export { ProtocolError } from './protocol-error.ts';
export {
  decodeFrame,
  encodeFrame,
  encodeHeader,
  type Frame,
  type FrameHeader,
  type FrameKind,
  isRankFrame,
  maxFrameBytes,
  maxPayloadBytes,
  payloadOf,
  protocolVersion,
  type RankFrame,
} from './websocket/frame.ts';
export { createGroup, type Group } from './group.ts';
export type { GroupOptions, ReduceOptions, SliceOptions } from './group-options.ts';
export { Mailbox, type MailboxOptions, type Piece } from './mailbox.ts';
export { type MemoryBridge, memoryBridge } from './memory.ts';
export { isName, type Secret } from './websocket/proof.ts';
export { nodesOf, shardRange, type ShardRange } from './shard-tree.ts';
export type { Trace, TraceSpan } from './trace.ts';
export type { OpenSocket, SocketLike } from './websocket/socket.ts';
export { checkPeer, type Transport } from './transport.ts';
export { inRankOrder, type Member, rankOf, type View } from './view.ts';
export type { ConnectOptions, Introduction, Seat, Session } from './websocket/session.ts';
export { connect } from './websocket/connect.ts';
export { Connection, type ConnectionEnd } from './websocket/connection.ts';
export type { Traffic } from './websocket/peers.ts';
export { shakeHands } from './websocket/dial.ts';
export { Outflow } from './websocket/outflow.ts';
export { Inflow } from './websocket/inflow.ts';
