// What hub and workers say to each other besides data, as msgpack in control frames. Both ends check what they get:
// here is the only place that turns bytes into messages.

import { Packr } from 'msgpackr';
import { ProtocolError } from '../protocol-error.ts';
import { encodeFrame } from './frame.ts';
import { isName } from './proof.ts';
import type { View } from '../view.ts';

export type ControlMessage =
  /** Hub to a worker that has joined; `value` is what the launcher gives to everyone. */
  | { readonly kind: 'welcome'; readonly value: unknown }
  /** A worker to the hub, once, after its welcome. */
  | { readonly kind: 'introduce'; readonly host: string; readonly addresses: Readonly<Record<string, string>> }
  /** Hub to all: the members and their order. */
  | { readonly kind: 'view'; readonly view: View }
  /** Hub to all: `rank` of view `epoch` is gone, by crash or after its farewell. */
  | { readonly kind: 'gone'; readonly epoch: number; readonly rank: number }
  /** A worker to the hub: its connection ends as planned. */
  | { readonly kind: 'leave' }
  /** A worker to the hub, which answers at once with its clock: milliseconds since 1970. */
  | { readonly kind: 'ping'; readonly id: number }
  | { readonly kind: 'pong'; readonly id: number; readonly at: number }
  /** Either way, between the run and its launcher. */
  | { readonly kind: 'value'; readonly value: unknown };

const packr = new Packr({ useRecords: false, copyBuffers: true });

type Fields = Readonly<Record<string, unknown>>;
const isCount = (value: unknown): boolean => Number.isInteger(value) && (value as number) >= 0;
const isRecord = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isText = (value: unknown, most: number): boolean => typeof value === 'string' && value.length <= most;

const mostAddresses = 8;
const addressCharacters = 4096;
const hostCharacters = 256;

const isAddressBook = (value: unknown): boolean =>
  isRecord(value) &&
  Object.keys(value).length <= mostAddresses &&
  Object.entries(value).every(
    ([bridge, address]) => /^[a-z-]{1,32}$/.test(bridge) && isText(address, addressCharacters),
  );

const isIntroduction = ({ host, addresses }: Fields): boolean =>
  isText(host, hostCharacters) && isAddressBook(addresses);

const isView = (value: unknown): boolean =>
  isRecord(value) &&
  isCount(value.epoch) &&
  Array.isArray(value.members) &&
  value.members.every(
    (member) => isRecord(member) && typeof member.name === 'string' && isName(member.name) && isIntroduction(member),
  );

const checks: Record<ControlMessage['kind'], (message: Fields) => boolean> = {
  welcome: (message) => 'value' in message,
  introduce: isIntroduction,
  view: (message) => isView(message.view),
  gone: (message) => isCount(message.epoch) && isCount(message.rank),
  leave: () => true,
  ping: (message) => isCount(message.id),
  pong: (message) => isCount(message.id) && Number.isFinite(message.at),
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
