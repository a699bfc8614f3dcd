// What every worker of `lockstep bench collectives` runs: for each size an all-reduce that is checked, then timed. Rank 0 prints.
import { createHash } from 'node:crypto';
import { availableParallelism, cpus, loadavg } from 'node:os';
import type { AlgorithmName, Group, Wire } from '@lockstep/collectives';
import { formatByteSize } from '../console/byte-size.ts';
import { joinJob } from '../job/join.ts';
import type { OpenedGroup } from '../job/open-group.ts';
import { reportError } from '../console/report-error.ts';
import { fillKnown, findMistakes } from './known-values.ts';
import { type CollectiveRow, rowOf, tableHead, tableRow } from './nccl-table.ts';
import { timeTogether } from './time-together.ts';

/** What is to be measured, as JSON in the first argument. */
export interface CollectivesOrder {
  /** Bytes of f32. */
  readonly sizes: readonly number[];
  readonly wire: Wire;
  readonly algorithm?: AlgorithmName | undefined;
  /** Whether the last line is JSON, and all others go to stderr. */
  readonly json: boolean;
}

const bytesPerElement = Float32Array.BYTES_PER_ELEMENT;
const order = JSON.parse(process.argv[2]!) as CollectivesOrder;
const { algorithm, wire } = order;
const opened = await joinJob(algorithm ? { algorithm } : {});
try {
  await measureAll(opened);
} catch (error) {
  process.exit(reportError(error));
}

async function measureAll(opened: OpenedGroup): Promise<void> {
  const { group } = opened;
  const say = (text: string): void => void (group.rank === 0 && (order.json ? console.error : console.log)(text));
  say(await header(opened));
  say(tableHead);
  const rows: CollectiveRow[] = [];
  const longest = Math.max(...order.sizes) / bytesPerElement;
  const [values, sums] = [group.allocate(longest), group.allocate(longest)];
  for (const bytes of order.sizes) {
    const count = bytes / bytesPerElement;
    const row = await measure(group, values.subarray(0, count), sums.subarray(0, count));
    if (!row) return;
    rows.push(row);
    say(tableRow(row));
  }
  if (order.json && group.rank === 0) console.log(JSON.stringify({ rows }));
}

/** A few lines on what is measured, and on what. */
async function header({ group, choice }: OpenedGroup): Promise<string> {
  const { local } = await group.measure();
  return [
    `# ${cpus()[0]?.model.trim() ?? 'unknown'}, ${availableParallelism()} cores, Node ${process.versions.node}, load ${loadavg()[0]!.toFixed(2)} before`,
    `# ${group.size} workers over ${choice ? `${choice.bridge} (${choice.reason})` : 'memory'}, f32 as ${wire} on the wire`,
    `# links: ${Math.round(local.latencyUs)} µs, ${local.bandwidth.toFixed(2)} GB/s each way`,
  ].join('\n');
}

/** The row of one size; nothing where a sum was wrong, of which rank 0 has told. */
async function measure(group: Group, values: Float32Array, sums: Float32Array): Promise<CollectiveRow | undefined> {
  fillKnown(values, group.rank);
  const call = (): Promise<void> => group.allReduce(values, sums, { wire });
  await call();
  const wrong = await whatIsWrong(group, sums);
  if (wrong === undefined) {
    const seconds = await timeTogether(group, call);
    return { ...rowOf(values.byteLength, seconds, group.size), algorithm: group.plan(values.byteLength).algorithm };
  }
  if (group.rank === 0) process.exitCode = reportError(new Error(`bench: ${wrong}`));
  return undefined;
}

/** The same on every rank: what is wrong with the sums of any. */
async function whatIsWrong(group: Group, sums: Float32Array): Promise<string | undefined> {
  const sha256 = createHash('sha256').update(sums).digest('hex');
  const mine = { sha256, mistakes: findMistakes(sums, { size: group.size, wire }) ?? null };
  const all = (await group.allGatherValues(mine)) as (typeof mine)[];
  const what = formatByteSize(sums.byteLength);
  const rank = all.findIndex(({ mistakes }) => mistakes);
  if (rank >= 0) {
    const { index, expected, got, count } = all[rank]!.mistakes!;
    return `expected ${expected} at element ${index} of ${what} on rank ${rank}, got ${got}; ${count} are wrong`;
  }
  const other = all.findIndex((one) => one.sha256 !== all[0]!.sha256);
  return other < 0 ? undefined : `expected the same bits on all ranks for ${what}, got others on rank ${other}`;
}
