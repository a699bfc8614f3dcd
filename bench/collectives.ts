/**
 * Times the all-reduce of Lockstep beside PyTorch's gloo and Open MPI: the same values, sizes and clock, every sum checked
 * before. The method is in README.md.
 *
 * usage: cd bench; npx tsx collectives.ts [--workers 2,4] [--sizes 1024,1048576] [--rounds 3]
 */
import { parseArgs } from 'node:util';
import { addRound, collectivesTable, goalLines, type Rounds } from './collectives-report.ts';
import { type Measurement, type PeerResult, runGloo, runMpi } from './peers/collectives.ts';
import { runLockstep } from './peers/lockstep-collectives.ts';
import { machine, type Machine } from './report.ts';

/** In the order in which each round runs them. */
const peers: ((what: Measurement) => Promise<PeerResult>)[] = [
  (what) => runLockstep({ ...what, bridge: 'ws' }),
  (what) => runLockstep({ ...what, bridge: 'ucx' }),
  runGloo,
  (what) => runMpi({ ...what, over: 'shared memory' }),
  (what) => runMpi({ ...what, over: 'tcp' }),
];

/** 1 KiB to 64 MiB. */
const usualSizes = Array.from({ length: 9 }, (_, i) => 1024 * 4 ** i);

try {
  await main();
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      workers: { type: 'string', default: '2,4' },
      sizes: { type: 'string', default: usualSizes.join(',') },
      rounds: { type: 'string', default: '3' },
    },
  });
  const sizes = wholes('--sizes', values.sizes, { step: 4 });
  const [rounds] = wholes('--rounds', values.rounds);
  for (const workers of wholes('--workers', values.workers, { from: 2 })) {
    const host = machine();
    print({ workers, sizes }, host, await measureAll({ workers, sizes }, rounds!));
  }
}

/** Whole numbers, separated by commas. */
function wholes(option: string, text: string, { from = 1, step = 1 }: { from?: number; step?: number } = {}): number[] {
  return text.split(',').map((part) => {
    const value = Number(part);
    if (Number.isInteger(value) && value >= from && value % step === 0) return value;
    throw new Error(`bench: ${option} must be from ${from}, in steps of ${step}, got ${part}`);
  });
}

/** One after another, never two at once, and a round of all before the next: what the machine does in between hits all alike. */
async function measureAll(what: Measurement, rounds: number): Promise<Rounds[]> {
  const all: (Rounds | undefined)[] = peers.map(() => undefined);
  for (let round = 1; round <= rounds; round++) {
    for (const [i, run] of peers.entries()) {
      const before = all[i];
      if (before && 'missing' in before) continue;
      const result = (all[i] = addRound(before, await run(what)));
      const state = 'missing' in result ? `skipped: ${result.missing}` : 'done';
      console.error(`${what.workers} workers, round ${round} of ${rounds}, ${result.name}: ${state}`);
    }
  }
  return all.filter((one) => one !== undefined);
}

function print({ workers, sizes }: Measurement, host: Machine, results: Rounds[]): void {
  const missing = results.flatMap((one) => ('missing' in one ? [`${one.name}: skipped: ${one.missing}`] : []));
  console.log(`
All-reduce of f32, ${workers} workers: median of the rounds (min–max)
${host.cpu}, ${host.cores} cores, Node ${host.node}, load ${host.load.toFixed(2)} before

${collectivesTable(results, sizes)}

${[...goalLines(results), ...missing].join('\n')}`);
}
