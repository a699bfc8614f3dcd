// What hub and workers say to each other besides data, as msgpack in control frames. Both ends check what they get:
// here is the only place that turns bytes into messages.

import { Packr } from 'msgpackr';
import { ProtocolError } from './errors.ts';
import { encodeFrame } from './frame.ts';
import type { View } from './view.ts';

export type ControlMessage =
  /** Hub to a worker that has joined; `value` is what the launcher gives to everyone. */
  | { readonly kind: 'welcome'; readonly value: unknown }
  /** Hub to all: the members and their order. */
  | { readonly kind: 'view'; readonly view: View }
  /** Hub to all: `rank` of view `epoch` is gone, by crash or after its farewell. */
  | { readonly kind: 'gone'; readonly epoch: number; readonly rank: number }
  /** A worker to the hub: its connection ends as planned. */
  | { readonly kind: 'leave' }
  /** Either way, between the run and its launcher. */
  | { readonly kind: 'value'; readonly value: unknown };

const packr = new Packr({ useRecords: false, copyBuffers: true });

type Fields = Readonly<Record<string, unknown>>;
const isCount = (value: unknown): boolean => Number.isInteger(value) && (value as number) >= 0;
const isRecord = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isView = (value: unknown): boolean =>
  isRecord(value) &&
  isCount(value.epoch) &&
  Array.isArray(value.members) &&
  value.members.every((name) => typeof name === 'string');

const checks: Record<ControlMessage['kind'], (message: Fields) => boolean> = {
  welcome: (message) => 'value' in message,
  view: (message) => isView(message.view),
  gone: (message) => isCount(message.epoch) && isCount(message.rank),
  leave: () => true,
  value: (message) => 'value' in message,
};

/** The frame of a control message. Throws `ProtocolError` when it is above the limit of a frame. */
export function encodeControl(message: ControlMessage): Uint8Array<ArrayBuffer> {
  return encodeFrame('control', packr.pack(message));
}

/** Reads the payload of a control frame; throws `ProtocolError` unless it is a control message. */
export function decodeControl(payload: Uint8Array): ControlMessage {
  const message = unpack(payload);
  if (
    isRecord(message) &&
    Object.hasOwn(checks, String(message.kind)) &&
    checks[message.kind as ControlMessage['kind']](message)
  ) {
    return message as unknown as ControlMessage;
  }
  throw new ProtocolError('control: expected a known kind with its fields, got something else');
}

function unpack(payload: Uint8Array): unknown {
  try {
    return packr.unpack(payload);
  } catch {
    throw new ProtocolError(`control: expected msgpack, got ${payload.length} other bytes`);
  }
}
