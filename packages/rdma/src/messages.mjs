// What the main thread and the thread of UCX say to each other: codes of ring entries, the layout of shared memory, and
// the layout of UCX's 64-bit tags.
// @ts-check

import { Ring } from './ring.mjs';

/**
 * Commands to the thread: [command, id, group, tag, address, length, urgent]. What `connect` and `offload` are about stands
 * in a message each, in the same order; what `perform` is about as JSON in the arena.
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
  perform: 9,
  fail: 10,
};

/**
 * Reports to the main thread: [report, id, value]. `done` and `wrongLength` settle a call and give its memory back; `lost`
 * settles it while UCX may still hold the memory, which `released` then gives back. `gone` has no call: its value is a
 * status and its fourth word the peer's group. `performed` (value: bytes sent) and `failed` settle an order; a message has more of a failure, and of a
 * performance where the fourth word is not 0.
 */
export const report = { done: 1, wrongLength: 2, lost: 3, released: 4, gone: 5, performed: 6, failed: 7 };

/** Why a peer is gone, beside UCX's negative status codes. */
export const reason = { left: 1, ended: 2, told: 3, endpoint: 4, thread: 5 };

const flagBytes = 64;

/** Offsets in the shared memory of a thread. */
export const layout = {
  flags: 0,
  commands: flagBytes,
  reports: flagBytes + Ring.byteLength,
  byteLength: flagBytes + 2 * Ring.byteLength,
};

/** Indices of the flags: whether the thread sleeps, and whether the main thread has been rung for. */
export const flag = { asleep: 0, rung: 1 };

/*
 * A tag of UCX: the low 32 bits are the transport's tag, the high ones a "group": whose message it is.
 * 0…15 the sender's rank, 16…29 the view, 30 set where the message is read out of the sender's memory (see offers.mjs), 31
 * set for messages of the bridge itself.
 */
export const maxSize = 2 ** 16;
export const views = 2 ** 14;
const offer = 2 ** 30;
const control = 2 ** 31;

/** @param {number} view @param {number} rank @returns {number} */
export function groupOf(view, rank) {
  return view * maxSize + rank;
}

/** @param {number} group @returns {number} */
export function rankOf(group) {
  return group % maxSize;
}

/** @param {number} group @returns {number} */
export function viewOf(group) {
  return Math.floor((group % offer) / maxSize);
}

/** @param {number} group @returns {boolean} whether the message is the bridge's own */
export function isControl(group) {
  return group >= control;
}

/** @param {number} group @returns {number} the group of the bridge's own messages of this sender */
export function controlOf(group) {
  return group + control;
}

/** @param {number} group @returns {boolean} whether the message has to do with an offer */
export function isOffer(group) {
  return group % control >= offer;
}

/** @param {number} group @returns {number} the group of what this sender offers */
export function offerOf(group) {
  return group + offer;
}

/** @param {number} group @returns {number} that of the sender's plain messages */
export function plainOf(group) {
  return group % offer;
}

/** Tags of the bridge's own messages, but for answers to offers. */
export const controlTag = { hello: 0, farewell: 1 };
