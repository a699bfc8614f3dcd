// GPT-2 (Radford et al. 2019), as Hugging Face's GPT2LMHeadModel: pre-normalised blocks, learned positions, a head tied
// to the token embedding. Linear layers store their weights as (in, out).
import { add, attention, checkpoint, type Tensor } from '@lockstep/tensor';
import * as z from 'zod';
import { ConfigError } from '@lockstep/errors';
import { embedding, layerNorm, type Linear, linear, type LinearOptions, repeat } from '../layers/index.ts';
import { count, only, parseConfig } from '../parse-config.ts';
import { real, settings } from '../settings/settings.ts';
import { defineModel, type ModelFactory } from './define-model.ts';
import { headsProblem } from './head-size.ts';
import { requireInputs } from './require-inputs.ts';
import { vocabOf } from './model.ts';
import { type Sizes, sizes, type WithDefaults } from './sizes.ts';

export interface GptOptions extends Sizes {
  /** Share of activations dropped while training; 0 unless given. */
  readonly dropout?: number | undefined;
}

export type GptSettings = WithDefaults<GptOptions, 'dropout'>;

const gptSettings: z.ZodType<GptSettings> = settings({ ...sizes, dropout: real({ from: 0, below: 1 }).default(0) });

const epsilon = 1e-5;

/** One block: the residual projections begin smaller, by the number of residual additions. */
function block({ width, heads, layers }: GptSettings): Block {
  const conv1d = (inputs: number, outputs: number, options: LinearOptions = {}): Linear =>
    linear(inputs, outputs, { std: 0.02, transposed: true, ...options });
  const residual = { std: 0.02 / Math.sqrt(2 * layers) };
  const ln_1 = layerNorm(width, { epsilon });
  const attn = { c_attn: conv1d(width, 3 * width), c_proj: conv1d(width, width, residual) };
  const ln_2 = layerNorm(width, { epsilon });
  const mlp = { c_fc: conv1d(width, 4 * width, { gelu: true }), c_proj: conv1d(4 * width, width, residual) };
  const forward = (x: Tensor, drop: Drop): Tensor => {
    const qkv = attn.c_attn(ln_1(x)); // (B, T, 3C)
    const attended = attn.c_proj(attention(qkv, { heads, causal: true }));
    const middle = add(x, drop(attended));
    return add(middle, drop(mlp.c_proj(mlp.c_fc(ln_2(middle)))));
  };
  return { parts: { ln_1, attn, ln_2, mlp }, forward };
}

/** Sets a share of the elements to 0 while training. */
type Drop = (x: Tensor) => Tensor;

interface Block {
  readonly parts: object;
  readonly forward: (x: Tensor, drop: Drop) => Tensor;
}

/** A GPT-2 of the given sizes. `vocab` is taken from the data's tokenizer where it is left out. */
export const gpt: ModelFactory<GptOptions, GptSettings> = defineModel<GptOptions, GptSettings>({
  name: 'gpt',
  settings: gptSettings,
  check: headsProblem,
  isStepwise: true,
  create(options, facts) {
    const { layers, width, context, dropout } = options;
    const wte = embedding(vocabOf(options, facts), width);
    const wpe = embedding(context, width);
    const blocks = repeat(layers, () => block(options));
    const ln_f = layerNorm(width, { epsilon });
    return {
      parameters: { transformer: { wte, wpe, h: blocks.map(({ parts }) => parts), ln_f } },
      logits(inputs) {
        requireInputs('gpt', inputs, dropout > 0 ? ['tokens', 'positions', 'random'] : ['tokens', 'positions']);
        const { tokens, positions, random } = inputs;
        const drop: Drop = dropout > 0 ? (y) => random.dropout(y, dropout) : (y) => y;
        let x = drop(add(wte(tokens), wpe(positions))); // (B, T, C)
        for (const { forward } of blocks) {
          const run = (from: Tensor): Tensor => forward(from, drop);
          x = options.checkpoint ? checkpoint(run, x) : run(x);
        }
        return wte.unembed(ln_f(x)); // (B, T, V)
      },
    };
  },
  huggingFace: {
    modelType: 'gpt2',
    config: (options, facts) => ({
      model_type: 'gpt2',
      architectures: ['GPT2LMHeadModel'],
      n_layer: options.layers,
      n_head: options.heads,
      n_embd: options.width,
      n_positions: options.context,
      n_ctx: options.context,
      vocab_size: vocabOf(options, facts),
      activation_function: 'gelu_new',
      layer_norm_epsilon: epsilon,
      tie_word_embeddings: true,
      embd_pdrop: options.dropout,
      attn_pdrop: 0,
      resid_pdrop: options.dropout,
    }),
    fromConfig(config) {
      const { n_layer, n_head, n_embd, n_positions, vocab_size, n_inner } = parseConfig(configSchema, config);
      if (n_inner && n_inner !== 4 * n_embd)
        throw new ConfigError(`config.json: n_inner: expected null or 4·n_embd (${4 * n_embd}), got ${n_inner}`);
      return {
        layers: n_layer,
        heads: n_head,
        width: n_embd,
        context: n_positions,
        vocab: vocab_size,
        checkpoint: false,
        dropout: 0,
      };
    },
  },
});

const configSchema = z.object({
  n_layer: count,
  n_head: count,
  n_embd: count,
  n_positions: count,
  vocab_size: count,
  n_inner: count.nullish(),
  activation_function: only('gelu_new', 'gelu_pytorch_tanh'),
  layer_norm_epsilon: only(epsilon),
  scale_attn_weights: only(true),
  scale_attn_by_inverse_layer_idx: only(false),
  add_cross_attention: only(false),
  tie_word_embeddings: only(true),
});
