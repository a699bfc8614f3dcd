/** Numbers and words of the comparison of all-reduces: medians of the rounds, the table, and the goals as ratios. */
import type { CollectiveRow, PeerResult } from './peers/collectives.ts';
import { layOut } from './report.ts';

/** The rounds of one peer, or what to install to have it. */
export type Rounds = { name: string; rounds: CollectiveRow[][] } | { name: string; missing: string };

interface Spread {
  median: number;
  min: number;
  max: number;
}

/** More is better for the first, less for the second. */
type Measure = 'busbw' | 'us';

/** A ratio of two peers that a goal is about: above 1 the first is ahead. */
interface Goal {
  text: string;
  ahead: string;
  of: string;
  measure: Measure;
  bytes: number[];
}

const KiB = 1024;
const MiB = 1024 * KiB;
const large = [1, 4, 16].map((n) => n * MiB);
const small = [KiB];

const goals: Goal[] = [
  { text: 'ws / gloo, busbw', ahead: 'Lockstep, ws', of: 'PyTorch gloo', measure: 'busbw', bytes: large },
  { text: 'ws / gloo, latency', ahead: 'Lockstep, ws', of: 'PyTorch gloo', measure: 'us', bytes: small },
  { text: 'ucx / gloo, busbw', ahead: 'Lockstep, ucx', of: 'PyTorch gloo', measure: 'busbw', bytes: large },
  {
    text: 'ucx / Open MPI in shared memory, busbw',
    ahead: 'Lockstep, ucx',
    of: 'Open MPI, shared memory',
    measure: 'busbw',
    bytes: large,
  },
];

/** Adds a round to those of a peer before. A peer that is missing stays so. */
export function addRound(before: Rounds | undefined, result: PeerResult): Rounds {
  if ('missing' in result) return result;
  return { name: result.name, rounds: [...(before && 'rounds' in before ? before.rounds : []), result.rows] };
}

/** A row per size with a column per peer: busbw in GB/s, and first the time at the smallest size in µs. */
export function collectivesTable(peers: Rounds[], sizes: number[]): string {
  const present = peers.filter((peer) => 'rounds' in peer);
  const smallest = Math.min(...sizes);
  const row = (label: string, bytes: number, measure: Measure): string[] => [
    label,
    ...present.map((peer) => cell(spreadOf(peer, bytes, measure)!)),
  ];
  return layOut([
    ['busbw, GB/s', ...present.map(({ name }) => name)],
    row(`${sizeText(smallest)}, µs per call`, smallest, 'us'),
    ...sizes.map((bytes) => row(sizeText(bytes), bytes, 'busbw')),
  ]);
}

/** A line per goal whose peers and sizes were measured. */
export function goalLines(peers: Rounds[]): string[] {
  return goals.flatMap(({ text, ahead, of, measure, bytes }) => {
    const ratios = bytes.flatMap((size) => {
      const [ours, theirs] = [ahead, of].map((name) => medianOf(peers, name, size, measure));
      if (ours === undefined || theirs === undefined) return [];
      return `${(measure === 'us' ? theirs / ours : ours / theirs).toFixed(2)}× at ${sizeText(size)}`;
    });
    return ratios.length > 0 ? [`${text}: ${ratios.join(', ')}`] : [];
  });
}

function medianOf(peers: Rounds[], name: string, bytes: number, measure: Measure): number | undefined {
  const peer = peers.find((one) => one.name === name);
  return peer && 'rounds' in peer ? spreadOf(peer, bytes, measure)?.median : undefined;
}

function spreadOf({ rounds }: { rounds: CollectiveRow[][] }, bytes: number, measure: Measure): Spread | undefined {
  const found = rounds.flatMap((rows) => rows.filter((row) => row.bytes === bytes).map((row) => row[measure]));
  const sorted = found.toSorted((a, b) => a - b);
  if (sorted.length === 0) return undefined;
  const median = (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2;
  return { median, min: sorted[0]!, max: sorted.at(-1)! };
}

function cell({ median, min, max }: Spread): string {
  const text = (value: number): string =>
    value >= 100 ? Math.round(value).toLocaleString('en') : value.toPrecision(2);
  return `${text(median)} (${text(min)}–${text(max)})`;
}

function sizeText(bytes: number): string {
  return bytes < MiB ? `${bytes / KiB} KiB` : `${bytes / MiB} MiB`;
}
