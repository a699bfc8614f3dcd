/**
 * Where the time of a training step goes: Lockstep's step, kernel by kernel, by the GPU's own clock.
 *
 * usage: tsx kernels.ts [--size S|M] [--runs 5]
 */
import { parseArgs } from 'node:util';
import { adamW, createModel, createOptimizer, gpt, languageModelLoss, Parameters } from '@lockstep/nn';
import { differentiate, type DispatchTime, euclideanNorm, profile } from '@lockstep/tensor';
import { openDevice } from '@lockstep/tensor/node';
import { makeProblem, sizes, type SizeName } from './problem.ts';

const { values } = parseArgs({
  options: { size: { type: 'string', default: 'S' }, runs: { type: 'string', default: '5' } },
});
const config = sizes[values.size as SizeName];
if (!config) throw new Error(`kernels: --size must be one of ${Object.keys(sizes).join(', ')}, got ${values.size}`);

const device = await openDevice();
const model = createModel(gpt(config));
const parameters = new Parameters(device, model);
parameters.initialize(1);
const { tokens, targets } = makeProblem(config);
const shards = Math.min(8, config.batch);
const grid = [config.batch / shards, config.context];
const inputs = {
  tokens: device.tensor(Uint32Array.from(tokens), grid, { shards }),
  targets: device.tensor(Uint32Array.from(targets), grid, { shards }),
  positions: device.tensor(
    Uint32Array.from({ length: tokens.length }, (_, i) => i % config.context),
    grid,
    { shards },
  ),
};
const decay = device.tensor(parameters.perBlock(({ shape }) => (shape.length >= 2 ? 1 : 0)));
const { weights, gradients } = parameters;
const optimizer = createOptimizer(adamW(), device, { weights, gradients, decay });
optimizer.schedule(1, 1e-3);
const program = await device.capture(() => {
  differentiate(device, () => languageModelLoss(model, parameters, inputs, { rows: tokens.length }));
  euclideanNorm(device, device.view(gradients, 0, [weights.size]), optimizer.norm);
  optimizer.dispatch();
});

await device.submit([program]);
const runs: DispatchTime[][] = [];
for (let run = 0; run < Number(values.runs); run++) runs.push(await profile(device, program));
console.log(`Size ${values.size}: ${program.dispatches.length} dispatches on ${device.facts.description}`);
console.table(byKernel(runs));
await device.close();

/** The median over runs of each kernel's time in a step, most expensive first. */
function byKernel(runs: readonly DispatchTime[][]): Record<string, { dispatches: number; ms: number; share: string }> {
  const names = [...new Set(runs[0]!.map(({ kernel }) => kernel))];
  const rows = names.map((name) => {
    const totals = runs.map((run) => run.filter(({ kernel }) => kernel === name).reduce((sum, { ms }) => sum + ms, 0));
    const dispatches = runs[0]!.filter(({ kernel }) => kernel === name).length;
    return { name, dispatches, ms: totals.toSorted((a, b) => a - b)[Math.floor(totals.length / 2)]! };
  });
  const all = rows.reduce((sum, { ms }) => sum + ms, 0);
  return Object.fromEntries(
    rows
      .toSorted((a, b) => b.ms - a.ms)
      .map(({ name, dispatches, ms }) => [
        name,
        { dispatches, ms: Number(ms.toFixed(2)), share: `${((100 * ms) / all).toFixed(1)} %` },
      ]),
  );
}
