// What a trained model computes inside: what its layers give, and the gradient of one answer with respect to the input.
// `npx lockstep run examples/probe.ts`, after `npx lockstep train examples/modern.ts`
import { loadRun, ops } from 'lockstep';

const model = await loadRun(process.argv[2] ?? 'runs/moby-dick');
const { tokenizer } = model;
const { logits, captured } = await model.run('Call me Ishmael', { capture: ['blocks.0.qkv', 'blocks.1.out'] });
const { values, indices } = ops.topK(logits.at(-1).softmax(), 5);
const [likely, ids] = [await values.read(), await indices.read()];
for (const [i, id] of ids.entries()) console.log(JSON.stringify(await tokenizer!.decode([id])), likely[i]!.toFixed(3));
console.log((await captured['blocks.0.qkv']!.read()).length, 'numbers of the first projection');

const prompt = await tokenizer!.encode('Call me Ishmael');
const [answer] = await tokenizer!.encode('s');
const saliency = await model.gradient('Call me Ishmael', 'embed', (scores) => scores.at(-1).at(answer!));
const byToken = await ops.norm(saliency, { axis: -1 }).read();
for (const [i, id] of prompt.entries())
  console.log(JSON.stringify(await tokenizer!.decode([id])), 'decides', byToken[i]!.toFixed(3));
if (!(byToken.length === prompt.length && Math.max(...byToken) > 0))
  throw new Error('expected a gradient for each token');
await model.device.close();
