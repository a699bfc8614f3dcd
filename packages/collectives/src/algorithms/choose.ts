// Which algorithm is fastest for so many bytes, by a model of the links: a hop costs its latency, a message its handling,
// a byte its time on the wire (Hockney 1994) and in the adding. The choice is one of speed only, for the bits are the same.

import type { Layout } from './layout.ts';
import { type AlgorithmName, schedulesOf, type Stage } from './schedule.ts';

/** What a link between two ranks does. */
export interface Link {
  /** Until a small message has arrived, in microseconds. */
  readonly latencyUs: number;
  /** GB/s (10⁹ bytes) in each direction while both are busy. */
  readonly bandwidth: number;
}

/** Links within a host and between hosts. */
export interface Links {
  readonly local: Link;
  readonly remote: Link;
}

/** Used until `group.measure()` has been called: sockets on loopback, and a network of 10 Gbit/s. */
export const assumedLinks: Links = {
  local: { latencyUs: 60, bandwidth: 0.8 },
  remote: { latencyUs: 100, bandwidth: 1 },
};

/** What a message costs its sender and its receiver beside its bytes, in microseconds. */
const messageUs = 8;
/** GB/s of sums that one core makes (bench/arithmetic.ts). */
const addBandwidth = 8;

/** What a group would do with so many bytes, and why. */
export interface Plan {
  readonly algorithm: AlgorithmName;
  /** Estimated time by algorithm, in microseconds. */
  readonly estimates: Readonly<Partial<Record<AlgorithmName, number>>>;
  /** One sentence. */
  readonly reason: string;
  /** Bytes that are under way together, as one of the pieces that overtake each other. */
  readonly segmentBytes: number;
}

/** The schedules that make sense for a layout, and what each costs. */
export class Chooser {
  links: Links = assumedLinks;
  readonly #layout: Layout;
  readonly #schedules: ReadonlyMap<AlgorithmName, readonly Stage[]>;

  constructor(layout: Layout) {
    this.#layout = layout;
    this.#schedules = schedulesOf(layout);
  }

  /** The algorithm for so many bytes; `forced` is taken where there is such a schedule. */
  choose(bytes: number, forced?: AlgorithmName): AlgorithmName {
    if (forced && this.#schedules.has(forced)) return forced;
    let best: AlgorithmName = 'direct';
    let least = Infinity;
    for (const [name, stages] of this.#schedules) {
      if (name === 'oneShot' && this.#layout.size > 2) continue; // it would send more than it must
      const estimate = this.#estimate(stages, bytes);
      if (estimate < least) [best, least] = [name, estimate];
    }
    return best;
  }

  plan(bytes: number, segmentBytes: number, forced?: AlgorithmName): Plan {
    const estimates = Object.fromEntries(
      [...this.#schedules].map(([name, stages]) => [name, Math.round(this.#estimate(stages, bytes))]),
    ) as Partial<Record<AlgorithmName, number>>;
    const algorithm = this.choose(bytes, forced);
    const reason = this.#explain(algorithm, estimates, forced === algorithm);
    return { algorithm, estimates, reason, segmentBytes: Math.min(bytes, segmentBytes) };
  }

  #explain(algorithm: AlgorithmName, estimates: Plan['estimates'], isForced: boolean): string {
    if (this.#layout.size === 1) return 'one worker has nothing to exchange';
    const others = Object.entries(estimates).map(([name, us]) => `${name} ${us} µs`);
    return `${algorithm} ${isForced ? 'was asked for' : 'is the fastest that sends no byte too many'}: ${others.join(', ')}`;
  }

  /** Estimates the time of the busiest rank. What is reduced on the way there is gathered on the way back. */
  #estimate(stages: readonly Stage[], bytes: number): number {
    const shares = new Map<number, number>();
    const costs = new Map<number, number>();
    for (const { members, owners, replicated } of stages) {
      const link = this.#linkOf(members);
      const share = shares.get(members[0]!) ?? 1;
      const held = share * bytes;
      const messages = Math.max(owners.length, members.length) - 1;
      const part = replicated ? held : held / owners.length;
      const oneWay = link.latencyUs + messages * (messageUs + part / (1000 * link.bandwidth));
      const adding = ((members.length - 1) * part) / (1000 * addBandwidth);
      for (const member of members) {
        costs.set(member, (costs.get(member) ?? 0) + (replicated ? 1 : 2) * oneWay + adding);
        shares.set(member, replicated ? share : share / owners.length);
      }
    }
    return Math.max(0, ...costs.values());
  }

  #linkOf(members: readonly number[]): Link {
    const { local, remote } = this.links;
    return this.#layout.hosts.some((host) => members.every((member) => host.includes(member))) ? local : remote;
  }
}
