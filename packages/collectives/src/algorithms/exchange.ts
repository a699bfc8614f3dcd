// The collectives that move data and compute nothing.

import {
  bytesOf,
  type CallChannel,
  type Channel,
  type Cuts,
  type Elements,
  sliceBounds,
  sliceOf,
} from '../call-channel.ts';

/** From here on a broadcast is cut into slices that everybody passes on, so that the root sends each byte once. */
const scatterFrom = 64 * 1024;

/** Everybody ends with everybody's slice of `data`. Direct: one hop. */
export async function allGather(call: CallChannel, data: Elements, cuts: Cuts): Promise<void> {
  await shareSlices(call, data, cuts, call.channel());
}

async function shareSlices(
  { rank, size, peers }: CallChannel,
  data: Elements,
  cuts: Cuts,
  channel: Channel,
): Promise<void> {
  const slice = (of: number): Uint8Array => bytesOf(sliceOf(data, of, size, cuts));
  await Promise.all([
    ...peers.map((peer) => (slice(rank).length > 0 ? channel.send(peer, slice(rank)) : undefined)),
    ...peers.map((peer) => (slice(peer).length > 0 ? channel.recv(peer, slice(peer)) : undefined)),
  ]);
}

/**
 * Everybody ends with what `root` has. Little goes down a binomial tree, log₂ size hops; much is scattered and then
 * gathered by all (van de Geijn), so that nobody sends more than twice its size.
 */
export async function broadcast(call: CallChannel, data: Elements, root: number): Promise<void> {
  if (call.size > 2 && data.byteLength >= scatterFrom) return scatterAndGather(call, data, root);
  const channel = call.channel();
  const bytes = bytesOf(data);
  const place = (call.rank - root + call.size) % call.size;
  const rankAt = (at: number): number => (at + root) % call.size;
  const lowest = place === 0 ? 2 ** 31 : place & -place;
  if (place > 0) await channel.recv(rankAt(place - lowest), bytes);
  const children = [];
  for (let step = 1; step < lowest && place + step < call.size; step *= 2) children.push(rankAt(place + step));
  await Promise.all(children.toReversed().map((child) => channel.send(child, bytes)));
}

async function scatterAndGather(call: CallChannel, data: Elements, root: number): Promise<void> {
  const channel = call.channel();
  const slice = (of: number): Uint8Array => bytesOf(sliceOf(data, of, call.size));
  if (call.rank === root) await Promise.all(call.peers.map((peer) => channel.send(peer, slice(peer))));
  else await channel.recv(root, slice(call.rank));
  await shareSlices(call, data, {}, call.channel(1));
}

/** `out` on the root = everybody's `mine`, in the order of ranks. */
export async function gather(
  call: CallChannel,
  mine: Elements,
  out: Elements | undefined,
  root: number,
): Promise<void> {
  const channel = call.channel();
  if (call.rank !== root) return channel.send(root, bytesOf(mine));
  const place = (rank: number): Elements => out!.subarray(rank * mine.length, (rank + 1) * mine.length);
  place(root).set(mine);
  await Promise.all(call.peers.map((peer) => channel.recv(peer, bytesOf(place(peer)))));
}

/** Part j of `data` goes to rank j; part i of `out` comes from rank i. */
export async function allToAll(call: CallChannel, data: Elements, out: Elements): Promise<void> {
  const channel = call.channel();
  const part = (array: Elements, rank: number): Elements => {
    const { start, end } = sliceBounds(array.length, { rank, size: call.size });
    return array.subarray(start, end);
  };
  part(out, call.rank).set(part(data, call.rank));
  await Promise.all([
    ...call.peers.map((peer) => channel.send(peer, bytesOf(part(data, peer)))),
    ...call.peers.map((peer) => channel.recv(peer, bytesOf(part(out, peer)))),
  ]);
}

/** Nobody leaves before all have come. A dissemination barrier (Hensgen, Finkel, Manber 1988): log₂ size hops. */
export async function barrier(call: CallChannel): Promise<void> {
  const channel = call.channel();
  const nothing = new Uint8Array(0);
  for (let hop = 1; hop < call.size; hop *= 2) {
    const [to, from] = [(call.rank + hop) % call.size, (call.rank - hop + call.size) % call.size];
    await Promise.all([channel.send(to, nothing), channel.recv(from, nothing)]);
  }
}
