/**
 * Whether `lockstep bench compare` finds a slow-down of a tenth, and finds none where there is none, on this machine as it is now: pairs of
 * real runs, the second of them with a tenth more of the same work under the name of the first, or with the same.
 *
 * usage: npx tsx planted.ts [--pairs 10] [--rounds 15]
 */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';

const command = fileURLToPath(new URL('../packages/lockstep/bin/lockstep.js', import.meta.url));
/** One kernel that computing bounds, and one that memory does; each with a tenth more of its work. */
const kernels = [
  { op: 'matmul', shape: '512x512x512', more: '512x512x563' },
  { op: 'add', shape: '2048x3072', more: '2253x3072' },
] as const;
type Kernel = (typeof kernels)[number];

interface Compared {
  noise: number;
  comparisons: { verdict: 'faster' | 'slower' | 'noise'; speedUp: number }[];
}

const { values } = parseArgs({
  options: { pairs: { type: 'string', default: '10' }, rounds: { type: 'string', default: '15' } },
});
const folder = await mkdtemp(join(tmpdir(), 'lockstep-planted-'));
try {
  for (const kernel of kernels) await judge(kernel, Number(values.pairs));
} finally {
  await rm(folder, { recursive: true, force: true });
}

async function judge(kernel: Kernel, pairs: number): Promise<void> {
  const planted: Compared[] = [];
  const same: Compared[] = [];
  for (let pair = 1; pair <= pairs; pair++) {
    console.error(`${kernel.op}: pair ${pair} of ${pairs} …`);
    const before = await measured(kernel, kernel.shape);
    planted.push(await compared(before, await measured(kernel, kernel.more)));
    same.push(await compared(before, await measured(kernel, kernel.shape)));
  }
  const count = (all: Compared[], of: (verdict: string) => boolean): number =>
    all.filter(({ comparisons }) => of(comparisons.at(-1)!.verdict)).length;
  const noises = [...planted, ...same].map(({ noise }) => noise).toSorted((a, b) => a - b);
  const speedUps = (all: Compared[]): string =>
    all.map(({ comparisons }) => comparisons.at(-1)!.speedUp.toFixed(2)).join(' ');
  console.log(`${kernel.op} ${kernel.shape}
  a tenth more work: slower in ${count(planted, (verdict) => verdict === 'slower')} of ${pairs} pairs (speed-ups ${speedUps(planted)})
  the same work: another verdict than noise in ${count(same, (verdict) => verdict !== 'noise')} of ${pairs} (${speedUps(same)})
  noise that compare reports: ${percent(noises[0]!)} to ${percent(noises.at(-1)!)}, median ${percent(noises[noises.length >> 1]!)}`);
}

function percent(share: number): string {
  return `${(100 * share).toFixed(0)} %`;
}

/** Measures a kernel at a shape, under the name of its first one. Of several families the last is judged. */
async function measured({ op, shape }: Kernel, actual: string): Promise<string> {
  const file = join(folder, `${process.hrtime.bigint()}.json`);
  const own = ['--op', op, '--shapes', actual, '--dtype', 'f32', '--family', 'tiled,subgroup,generated'];
  await lockstep('kernels', ...own, '--rounds', values.rounds, '--json', file);
  const content = await readFile(file, 'utf8');
  await writeFile(file, content.replaceAll(`"shape":"${actual}"`, `"shape":"${shape}"`));
  return file;
}

async function compared(before: string, after: string): Promise<Compared> {
  return JSON.parse(await lockstep('compare', before, after, '--json')) as Compared;
}

async function lockstep(...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [command, 'bench', ...args]);
  return stdout;
}
