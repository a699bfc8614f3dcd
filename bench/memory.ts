/**
 * Trains size S with Lockstep for 1,000 steps and judges what it holds: after step 100 resident memory may grow by less
 * than 5 %, and GPU buffers, their bytes and bind groups by none. Exits with 1 otherwise.
 *
 * usage: tsx memory.ts [--steps 1000] [--size S|M]
 */
import { parseArgs } from 'node:util';
import { loadPeer, type DeviceStats } from './peers/peer.ts';
import { makeProblem, sizes, type SizeName } from './problem.ts';

const settled = 100;
const allowedGrowth = 0.05;

interface Sample extends Omit<DeviceStats, 'submits'> {
  step: number;
  /** Resident memory of this process, which on a CPU adapter holds the GPU's memory too. */
  rss: number;
}

const { values } = parseArgs({
  options: { steps: { type: 'string', default: '1000' }, size: { type: 'string', default: 'S' } },
});
const samples = await train(values.size as SizeName, Number(values.steps));
const faults = judge(samples);
console.log(faults.length > 0 ? faults.join('\n') : `memory is steady from step ${settled} to ${samples.at(-1)!.step}`);
process.exit(faults.length > 0 ? 1 : 0);

async function train(size: SizeName, steps: number): Promise<Sample[]> {
  const lockstep = await (await loadPeer('lockstep')).prepare(makeProblem(sizes[size]));
  const samples: Sample[] = [];
  for (let done = 1; done <= steps; done++) {
    const loss = await lockstep.step();
    if (done % settled !== 0) continue;
    const { buffers, bytes, bindGroups } = lockstep.stats!();
    samples.push({ step: done, rss: process.memoryUsage.rss(), buffers, bytes, bindGroups });
    console.log(`step ${done}: loss ${loss.toFixed(4)}, ${describe(samples.at(-1)!)}`);
  }
  await lockstep.finish?.();
  if (samples.length < 2) throw new Error(`memory: --steps must be at least ${2 * settled}, got ${steps}`);
  return samples;
}

function describe({ rss, buffers, bytes, bindGroups }: Sample): string {
  const mib = (x: number) => (x / 2 ** 20).toFixed(1);
  return `resident ${mib(rss)} MiB, ${buffers} buffers of ${mib(bytes)} MiB, ${bindGroups} bind groups`;
}

function judge([first, ...later]: Sample[]): string[] {
  const most = (of: keyof Sample) => Math.max(...later.map((sample) => sample[of]));
  const faults = (['buffers', 'bytes', 'bindGroups'] as const)
    .filter((of) => most(of) > first![of])
    .map((of) => `memory: ${of} must not grow after step ${settled}, went from ${first![of]} to ${most(of)}`);
  const growth = most('rss') / first!.rss - 1;
  if (growth >= allowedGrowth)
    faults.push(`memory: resident memory must grow by less than 5 %, grew by ${(100 * growth).toFixed(1)} %`);
  return faults;
}
