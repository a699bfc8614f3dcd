/**
 * What fusing by graph leaves to be done by hand: a small modern GPT, forward and backward over 8 shards, written once in public ops and once
 * dispatch by dispatch with kernels made for it. Both are captured, compared number by number, and then timed in turns. The goal is 1.25 times the
 * dispatches and 1.15 times the time at the most.
 *
 * usage: npx tsx fusion.ts [--rounds 21] [--list]
 */
import { parseArgs } from 'node:util';
import { difference, openDevice, type Program, type Tensor } from 'lockstep';
import { networkByHand } from './fusion/by-hand.ts';
import { createBatch, createWeights, type Network, parametersOf } from './fusion/problem.ts';
import { networkOfOps } from './fusion/public-ops.ts';

/** Of what gradients are made of, as single precision in another order of sums gives them. */
const allowed = 1e-4;

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '21' }, list: { type: 'boolean', default: false } },
});
const device = await openDevice();
const weights = createWeights(device);
const batch = createBatch(device);
const forms = { ops: networkOfOps(device, weights, batch), hand: networkByHand(device, weights, batch) };
const programs = { ops: await captured(forms.ops), hand: await captured(forms.hand) };
if (values.list) for (const [name, { dispatches }] of Object.entries(programs)) list(name, dispatches);

const largest = await farthestApart();
if (!(largest < allowed)) throw new Error(`fusion: the forms differ by ${largest}, of at most ${allowed}`);
console.log(`${device.facts.description}
the two forms agree within ${largest.toExponential(1)}: loss and all gradients`);
const ms = await timed(Number(values.rounds));
const dispatches = { ops: programs.ops.dispatches.length, hand: programs.hand.dispatches.length };
console.log(`  public ops      ${String(dispatches.ops).padStart(4)} dispatches  ${median(ms.ops).toFixed(1)} ms
  fused by hand   ${String(dispatches.hand).padStart(4)} dispatches  ${median(ms.hand).toFixed(1)} ms
  ratio           ${(dispatches.ops / dispatches.hand).toFixed(2)} (goal 1.25)     ${median(ms.ops.map((own, i) => own / ms.hand[i]!)).toFixed(2)} (goal 1.15)`);
await device.close();
process.exit(0);

function captured({ step }: Network): Promise<Program<Tensor>> {
  return device.capture(step);
}

function list(name: string, all: Program['dispatches']): void {
  console.log(`${name}:\n${all.map(({ kernel, workgroups }) => `  ${kernel} ${workgroups.join('×')}`).join('\n')}`);
}

/** The largest difference between losses and gradients of the two. */
async function farthestApart(): Promise<number> {
  const gradients = parametersOf(weights).map(({ gradient }) => gradient);
  const [ours, hand] = [
    await device.submit([programs.ops, programs.ops.result, ...gradients]),
    await device.submit([programs.hand, programs.hand.result, ...gradients]),
  ];
  return Math.max(...ours.map((values, i) => difference(values, hand[i]!).error));
}

/** Milliseconds of each round, from submitting a step to reading its loss; which form is first changes from round to round. */
async function timed(rounds: number): Promise<Record<'ops' | 'hand', number[]>> {
  const all: Record<'ops' | 'hand', number[]> = { ops: [], hand: [] };
  for (let round = 0; round < rounds; round++)
    for (const form of round % 2 === 0 ? (['ops', 'hand'] as const) : (['hand', 'ops'] as const)) {
      const start = performance.now();
      await device.submit([programs[form], programs[form].result]);
      all[form].push(performance.now() - start);
    }
  return all;
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1]!;
}
