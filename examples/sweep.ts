// Training from code: six runs, a table, a chart. `npx lockstep run examples/sweep.ts`
import { compareRuns, train, type TrainResult } from 'lockstep';
import run from './modern.ts';

const steps = Number(process.argv[2] ?? 200);
const results: TrainResult[] = [];
for (const peak of [0.005, 0.01, 0.02]) {
  for (const layers of [1, 2]) {
    const set = { 'optimizer.matrices.peak': peak, 'model.layers': layers, steps };
    results.push(await train(run, { set, workers: 2, quiet: true }));
  }
}
console.table(
  results.map(({ settings, validationLoss, tokensPerSecond }) => ({ ...settings, validationLoss, tokensPerSecond })),
);
await compareRuns(results, { to: 'sweep.svg', x: 'tokens', y: 'validation loss' });
if (results.some(({ validationLoss }) => validationLoss === undefined)) throw new Error('expected six losses');
