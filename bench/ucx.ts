/**
 * The UCX bridge on this machine: how fast threads wake each other, and what the bridge carries between two main threads.
 * Every number of the bridge comes after a check that the bytes are right.
 *
 * usage: tsx ucx.ts [--only wake-ups|bridge]
 */
import { parseArgs } from 'node:util';
import { machine } from './report.ts';
import { measureRanks } from './ucx-ranks.ts';
import { measureWakeUps } from './ucx-wake-up.ts';

const KiB = 1024;
const MiB = 1024 * KiB;
/** As the bridge has it. Others would let strangers in. */
const tls = 'posix,self';
const named = (size: number): string => (size < MiB ? `${size / KiB} KiB` : `${size / MiB} MiB`);

const { values } = parseArgs({ options: { only: { type: 'string' } } });
const sections = { 'wake-ups': wakeUps, bridge };
const { cpu, cores, node, load } = machine();
console.log(`${cpu}, ${cores} cores, Node ${node}, load ${load.toFixed(1)}`);
for (const [name, section] of Object.entries(sections)) if ((values.only ?? name) === name) await section();

async function wakeUps(): Promise<void> {
  console.log('\nthread wakes main thread, microseconds: median, 9 of 10 below');
  for (const [way, times] of Object.entries(await measureWakeUps())) {
    const sorted = times.toSorted((a, b) => a - b);
    const at = (share: number): string => sorted[Math.floor(sorted.length * share)]!.toFixed(1).padStart(6);
    console.log(`  ${way.padEnd(16)}${at(0.5)}${at(0.9)}`);
  }
}

async function bridge(): Promise<void> {
  const sizes = [64 * KiB, 256 * KiB, MiB, 4 * MiB, 16 * MiB];
  const { latencyUs, allReduceUs, idle, bandwidth, allReduce } = await measureRanks({ ucx: { tls }, sizes });
  console.log(
    `\nbridge over shared memory: 1 KiB ${latencyUs.toFixed(0)} µs one way, ` +
      `all-reduce ${allReduceUs.toFixed(0)} µs; ${(idle * 100).toFixed(1)} % of a core when idle`,
  );
  row('', sizes.map(named));
  row(
    'each way, GB/s',
    bandwidth.map((x) => x.toFixed(2)),
  );
  row(
    'all-reduce, GB/s',
    allReduce.map((x) => x.toFixed(2)),
  );
}

function row(name: string, cells: readonly string[]): void {
  console.log(`  ${name.padEnd(18)}${cells.map((cell) => cell.padStart(9)).join('')}`);
}
