// What the main thread and the thread of UCX say to each other: codes of ring entries, the layout of shared memory, and
// the layout of UCX's 64-bit tags.
// @ts-check

import { Ring } from './ring.mjs';

/** Commands to the thread: [command, id, group, tag, address, length, urgent]. */
export const command = { send: 1, recv: 2, connect: 3, lose: 4, leave: 5, register: 6, unregister: 7, stop: 8 };

/**
 * Reports to the main thread: [report, id, value]. `done` to `failed` settle a call and give its memory back; `lost`
 * settles it while UCX may still hold the memory, which `released` then gives back. `gone` has no call: its value is a
 * status and its fourth word the peer's group.
 */
export const report = { done: 1, wrongLength: 2, refused: 3, lost: 4, released: 5, gone: 6 };

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
 * 0…15 the sender's rank, 16…30 the view, 31 set for messages of the bridge itself.
 */
export const maxSize = 2 ** 16;
export const views = 2 ** 15;
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
  return Math.floor((group % control) / maxSize);
}

/** @param {number} group @returns {boolean} whether the message is the bridge's own */
export function isControl(group) {
  return group >= control;
}

/** @param {number} group @returns {number} the group of the bridge's own messages of this sender */
export function controlOf(group) {
  return group + control;
}

/** Tags of the bridge's own messages. */
export const controlTag = { hello: 0, farewell: 1 };
