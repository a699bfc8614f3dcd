// The second half of an all-reduce: every rank owns one slice, and ends with all of them. Direct: one hop.

import { type Call, type Elements, sliceOf } from './call.ts';

/** Sends this rank's slice of `data` to all, and receives theirs into the rest of it. */
export async function allGather(call: Call, data: Elements): Promise<void> {
  const mine = sliceOf(data, call.rank, call.size);
  await Promise.all([
    ...call.peers.map((peer) => call.send(peer, mine)),
    ...call.peers.map((peer) => call.recv(peer, sliceOf(data, peer, call.size))),
  ]);
}
