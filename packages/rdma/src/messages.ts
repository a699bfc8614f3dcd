// What the main thread and the thread of UCX say to each other: codes of ring entries, the layout of shared memory, and
// the layout of UCX's 64-bit tags.

import type { MessagePort } from 'node:worker_threads';
import { Ring } from './ring.ts';
import type { UcxSettings } from './ucx-worker.ts';

/** What the thread is started with. */
export interface ThreadData extends UcxSettings {
  /** For what the threads say to each other. */
  readonly memory: SharedArrayBuffer;
  /** The process's. */
  readonly arena: WebAssembly.Memory;
  /** Event fd that the thread waits for. */
  readonly commandBell: number;
  /** Event fd that the main thread waits for. */
  readonly reportBell: number;
  /** Carries what some commands and reports mean. */
  readonly port: MessagePort;
  readonly pollMs: number;
}

/** What the thread says when UCX runs. */
export interface ThreadFacts {
  /** Its worker's address. */
  readonly address: Uint8Array;
  /** The devices and transports that UCX found and may use. */
  readonly resources: string;
}

/** What the thread is told of a view. */
export interface ThreadView {
  readonly view: number;
  readonly rank: number;
  readonly addresses: readonly Uint8Array[];
  /** The process ids of ranks that are other processes of this host, else 0. */
  readonly pids: readonly number[];
  /** Where those can be read, else 0. */
  readonly arenas: readonly number[];
  /** Which of the cores is for the thread; −1 where none is. */
  readonly core: number;
}

/** Reports something, and says whether the main thread is to be woken for it. */
export type Tell = (entry: readonly number[], urgent: boolean) => void;

/**
 * Commands to the thread: [command, id, group, tag, address, length, urgent]. What `connect` and `offload` are about
 * stands in a message each, in the same order; what `execute` is about as JSON in the arena.
 */
export const command = {
  send: 1,
  recv: 2,
  connect: 3,
  lose: 4,
  leave: 5,
  register: 6,
  stop: 7,
  offload: 8,
  execute: 9,
  fail: 10,
};

/**
 * Reports to the main thread: [report, id, value]. `done` and `wrongLength` settle a call and give its memory back;
 * `lost` settles it while UCX may still hold the memory, which `released` then gives back. `gone` has no call: its
 * value is a status and its fourth word the peer's group. `executed` (value: bytes sent) and `failed` settle a call; a
 * message has more of a failure, and of a performance where the fourth word is not 0.
 */
export const report = { done: 1, wrongLength: 2, lost: 3, released: 4, gone: 5, executed: 6, failed: 7 };

/** Why a peer is gone, beside UCX's negative status codes. */
export const reason = { left: 1, ended: 2, told: 3, endpoint: 4, thread: 5 };

const flagBytes = 64;

/** Offsets in the shared memory of a thread, and how long that is. */
export const layout: Readonly<Record<'flags' | 'commands' | 'reports' | 'byteLength', number>> = {
  flags: 0,
  commands: flagBytes,
  reports: flagBytes + Ring.byteLength,
  byteLength: flagBytes + 2 * Ring.byteLength,
};

/** Indices of the flags: whether the thread sleeps, and whether the main thread has been rung for. */
export const flag = { asleep: 0, rung: 1 };

/*
 * A tag of UCX: the low 32 bits are the transport's tag, the high ones a "group": whose message it is.
 * 0…15 the sender's rank, 16…29 the view, 30 set where the message is read out of the sender's memory (see offers.ts), 31
 * set for messages of the bridge itself.
 */
export const maxSize: number = 2 ** 16;
export const views: number = 2 ** 14;
const offer = 2 ** 30;
const control = 2 ** 31;

export function groupOf(view: number, rank: number): number {
  return view * maxSize + rank;
}

export function rankOf(group: number): number {
  return group % maxSize;
}

export function viewOf(group: number): number {
  return Math.floor((group % offer) / maxSize);
}

/** @returns whether the message is the bridge's own */
export function isControl(group: number): boolean {
  return group >= control;
}

/** @returns the group of the bridge's own messages of this sender */
export function controlOf(group: number): number {
  return group + control;
}

/** @returns whether the message has to do with an offer */
export function isOffer(group: number): boolean {
  return group % control >= offer;
}

/** @returns the group of what this sender offers */
export function offerOf(group: number): number {
  return group + offer;
}

/** @returns that of the sender's plain messages */
export function plainOf(group: number): number {
  return group % offer;
}

/** Tags of the bridge's own messages, but for answers to offers. */
export const controlTag = { hello: 0, farewell: 1 };
