// What links do, measured between two ranks: half a round trip of a small message, and the bytes per second of large
// ones both ways at once.

import type { Link } from './algorithms/choose.ts';
import { broadcast } from './algorithms/exchange.ts';
import type { Layout } from './algorithms/layout.ts';
import type { CallChannel, Channel } from './call-channel.ts';

const small = { bytes: 1024, rounds: 60 };
const large = { bytes: 4 * 2 ** 20, rounds: 5 };

/**
 * figures = latency in µs and bandwidth in GB/s of the links within a host, then of those between hosts, the same on all
 * ranks. The first two ranks of a host measure, and the first ranks of two hosts; where there is no such link the figures
 * stay what they are.
 */
export async function measureLinks(call: CallChannel, figures: Float32Array, { hosts }: Layout): Promise<void> {
  const local = hosts.find(({ length }) => length > 1)?.slice(0, 2);
  const remote = hosts.length > 1 ? [hosts[0]![0]!, hosts[1]![0]!] : undefined;
  for (const [i, pair] of [local, remote].entries()) {
    if (!pair) continue;
    const own = figures.subarray(2 * i, 2 * i + 2);
    const peer = pair.find((rank) => rank !== call.rank)!;
    if (pair.includes(call.rank)) {
      const { latencyUs, bandwidth } = await measureLink(call.channel(1 + i), peer);
      own.set([latencyUs, bandwidth]);
    }
    await broadcast(call, own, pair[0]!);
  }
}

async function measureLink(channel: Channel, peer: number): Promise<Link> {
  const leads = channel.rank < peer;
  const ping = channel.allocate(small.bytes);
  const trips = await repeated(small.rounds, async () => {
    if (leads) await channel.send(peer, ping);
    await channel.recv(peer, ping);
    if (!leads) await channel.send(peer, ping);
  });
  const [out, into] = [channel.allocate(large.bytes), channel.allocate(large.bytes)];
  const swaps = await repeated(large.rounds, async () => {
    await Promise.all([channel.send(peer, out), channel.recv(peer, into)]);
  });
  for (const bytes of [ping, out, into]) channel.release(bytes);
  return { latencyUs: (1000 * median(trips)) / 2, bandwidth: large.bytes / 1e6 / Math.min(...swaps) };
}

/** How long each time took, in milliseconds, but for the first. */
async function repeated(rounds: number, work: () => Promise<void>): Promise<number[]> {
  const times = [];
  for (let round = 0; round <= rounds; round++) {
    const start = performance.now();
    await work();
    times.push(performance.now() - start);
  }
  return times.slice(1);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}
