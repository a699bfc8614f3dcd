// What a link does, measured between two ranks: half a round trip of a small message, and the bytes per second of large
// ones both ways at once.

import type { Link } from './algorithms/choose.ts';

/** The two directions of one pair, as one of its ranks sees them. */
export interface Wire {
  send(bytes: Uint8Array): Promise<void>;
  recv(into: Uint8Array): Promise<void>;
  allocate(byteLength: number): Uint8Array;
}

const small = { bytes: 1024, rounds: 20 };
const large = { bytes: 4 * 2 ** 20, rounds: 3 };

/** Both ranks call it; `leads` on one of them. */
export async function measureLink(wire: Wire, leads: boolean): Promise<Link> {
  const ping = wire.allocate(small.bytes);
  const trips = await repeated(small.rounds, async () => {
    if (leads) await wire.send(ping);
    await wire.recv(ping);
    if (!leads) await wire.send(ping);
  });
  const [out, into] = [wire.allocate(large.bytes), wire.allocate(large.bytes)];
  const swaps = await repeated(large.rounds, async () => {
    await Promise.all([wire.send(out), wire.recv(into)]);
  });
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
