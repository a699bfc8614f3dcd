// A loop of one's own: a small model learns from a large one's scores. `npx lockstep run examples/own-loop.ts --workers 2`, after `npx lockstep
// train examples/modern.ts`; the hash at the end is the same for any number of workers. Stopped by Ctrl-C, it goes on with `--resume`.
import { adamW, createTrainer, join, loadRun, openDataset, ops } from 'lockstep';
import run, { modern } from './modern.ts';

const job = await join();
const teacher = await loadRun(process.argv[2] ?? 'runs/moby-dick');
const data = await openDataset(run.data, job); // what the teacher has learned from, in its tokens
const trainer = await createTrainer(job, {
  model: modern({ layers: 1, heads: 2, width: 64, context: 64 }),
  optimizer: adamW(),
  batch: 16,
  state: { first: NaN, best: Infinity }, // what the script keeps: stored with the weights, hashed, there again after --resume
  loss(model, { targets, ...inputs }) {
    const [mine, theirs] = [model.logits(inputs), teacher.logits(inputs)]; // (B, T, V)
    return {
      loss: ops.kullbackLeibler(theirs, mine, { temperature: 2 }),
      metrics: { ownLoss: ops.crossEntropy(mine, targets!) },
    };
  },
});
for await (const step of trainer.steps(200)) {
  const { loss } = await step.take(data.batch(step.number), { rate: 1e-2 * Math.min(1, step.number / 20) });
  if (step.number === 1) trainer.state.first = loss;
  trainer.state.best = Math.min(trainer.state.best, loss);
  if (job.rank === 0 && step.number % 20 === 0) console.log(step.number, loss.toFixed(3));
}
const { metrics } = await trainer.evaluate(data.validation(8));
const sha256 = await trainer.sha256();
if (job.rank === 0) console.log(`validation loss ${metrics['ownLoss']!.toFixed(3)}, sha256 ${sha256}`);
if (!trainer.stopped && !(trainer.state.best < 0.8 * trainer.state.first))
  throw new Error('expected to come near the teacher');
