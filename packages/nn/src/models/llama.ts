// Llama (Touvron et al. 2023), as Hugging Face's LlamaForCausalLM: RMSNorm, rotary positions, SwiGLU, grouped queries.
// Linear layers store their weights as (out, in) and have no bias.
import {
  add,
  attention,
  checkpoint,
  packedProjection,
  rotary,
  rotaryTable,
  siluMul,
  type Tensor,
} from '@lockstep/tensor';
import * as z from 'zod';
import { ConfigError } from '@lockstep/errors';
import { buffer, type BufferSlot, embedding, type Linear, linear, repeat, rmsNorm } from '../layers/index.ts';
import { count, only, parseConfig, positive } from '../parse-config.ts';
import { real, settings, whole } from '../settings/settings.ts';
import { defineModel, type ModelFactory } from './define-model.ts';
import { headsProblem } from './head-size.ts';
import { requireInputs } from './require-inputs.ts';
import { vocabOf } from './model.ts';
import { type Sizes, sizes, type WithDefaults } from './sizes.ts';

export interface LlamaOptions extends Sizes {
  /** Heads of keys and values, each shared by heads / kvHeads queries; as many as `heads` unless given. */
  readonly kvHeads?: number | undefined;
  /** Width inside the feed-forward layers; 8/3 of `width`, rounded up to a multiple of 32, unless given. */
  readonly hidden?: number | undefined;
  /** Base of the rotary angles; 10,000 unless given. */
  readonly ropeTheta?: number | undefined;
  /** Use the token embedding as the head; false unless given. */
  readonly tiedHead?: boolean | undefined;
  /** Added to the mean square under RMSNorm's root; 1e-5 unless given. */
  readonly normEpsilon?: number | undefined;
}

export type LlamaSettings = WithDefaults<LlamaOptions, 'ropeTheta' | 'tiedHead' | 'normEpsilon'>;

const llamaSettings: z.ZodType<LlamaSettings> = settings({
  ...sizes,
  kvHeads: whole({ to: 2 ** 16 }).optional(),
  hidden: whole({ to: 2 ** 20 }).optional(),
  ropeTheta: real({ above: 0, to: 1e9 }).default(10_000),
  tiedHead: z.boolean().describe('true or false').default(false),
  normEpsilon: real({ above: 0, to: 1 }).default(1e-5),
});

interface Block {
  readonly parts: object;
  readonly forward: (x: Tensor, positions: Tensor) => Tensor;
}

const kvHeadsOf = ({ heads, kvHeads = heads }: LlamaSettings): number => kvHeads;
const hiddenOf = ({ width, hidden = 32 * Math.ceil((8 * width) / 3 / 32) }: LlamaSettings): number => hidden;

/** One block: the residual projections begin smaller, by the number of residual additions. */
function block(options: LlamaSettings, angles: BufferSlot): Block {
  const { width, heads, layers, normEpsilon: epsilon } = options;
  const [kvHeads, hidden] = [kvHeadsOf(options), hiddenOf(options)];
  const map = (inputs: number, outputs: number, std = 0.02): Linear => linear(inputs, outputs, { bias: false, std });
  const residual = 0.02 / Math.sqrt(2 * layers);
  const kvWidth = (width / heads) * kvHeads;
  const input_layernorm = rmsNorm(width, { epsilon });
  const self_attn = {
    q_proj: map(width, width),
    k_proj: map(width, kvWidth),
    v_proj: map(width, kvWidth),
    o_proj: map(width, width, residual),
  };
  const post_attention_layernorm = rmsNorm(width, { epsilon });
  const mlp = {
    gate_proj: map(width, hidden),
    up_proj: map(width, hidden),
    down_proj: map(hidden, width, residual),
  };
  const forward = (x: Tensor, positions: Tensor): Tensor => {
    const { q_proj, k_proj, v_proj, o_proj } = self_attn;
    const weights = [q_proj.weight.value, k_proj.weight.value, v_proj.weight.value] as const;
    const qkv = packedProjection(input_layernorm(x), ...weights); // (B, T, (H + 2·KV)·D)
    const turned = rotary(qkv, positions, angles.value, { heads, kvHeads });
    const middle = add(x, o_proj(attention(turned, { heads, kvHeads, causal: true })));
    const fed = post_attention_layernorm(middle);
    return add(middle, mlp.down_proj(siluMul(mlp.gate_proj(fed), mlp.up_proj(fed))));
  };
  return { parts: { input_layernorm, self_attn, post_attention_layernorm, mlp }, forward };
}

/** A Llama of the given sizes. `vocab` is taken from the data's tokenizer where it is left out. */
export const llama: ModelFactory<LlamaOptions, LlamaSettings> = defineModel<LlamaOptions, LlamaSettings>({
  name: 'llama',
  settings: llamaSettings,
  check: (options) => headsProblem({ ...options, rotary: true }),
  isStepwise: true,
  create(options, facts) {
    const { layers, width, heads, context, ropeTheta: base, normEpsilon: epsilon, tiedHead } = options;
    const vocab = vocabOf(options, facts);
    const embed_tokens = embedding(vocab, width);
    const angles = buffer((device) => rotaryTable(device, { context, headSize: width / heads, base }));
    const blocks = repeat(layers, () => block(options, angles));
    const norm = rmsNorm(width, { epsilon });
    const lm_head = tiedHead ? undefined : linear(width, vocab, { bias: false, std: 0.02 });
    const head = lm_head ?? embed_tokens.unembed;
    return {
      parameters: { model: { embed_tokens, layers: blocks.map(({ parts }) => parts), norm }, lm_head, angles },
      logits(inputs) {
        requireInputs('llama', inputs, ['tokens', 'positions']);
        const { tokens, positions } = inputs;
        let x = embed_tokens(tokens); // (B, T, C)
        for (const { forward } of blocks) {
          const run = (from: Tensor): Tensor => forward(from, positions);
          x = options.checkpoint ? checkpoint(run, x) : run(x);
        }
        return head(norm(x)); // (B, T, V)
      },
    };
  },
  huggingFace: {
    modelType: 'llama',
    config: (options, facts) => ({
      model_type: 'llama',
      architectures: ['LlamaForCausalLM'],
      num_hidden_layers: options.layers,
      num_attention_heads: options.heads,
      num_key_value_heads: kvHeadsOf(options),
      hidden_size: options.width,
      intermediate_size: hiddenOf(options),
      max_position_embeddings: options.context,
      vocab_size: vocabOf(options, facts),
      rms_norm_eps: options.normEpsilon,
      rope_theta: options.ropeTheta,
      tie_word_embeddings: options.tiedHead,
      hidden_act: 'silu',
      attention_bias: false,
      mlp_bias: false,
    }),
    fromConfig(config) {
      const c = parseConfig(configSchema, config);
      const headSize = c.hidden_size / c.num_attention_heads;
      if (c.head_dim && c.head_dim !== headSize)
        throw new ConfigError(
          `config.json: head_dim: expected hidden_size / num_attention_heads (${headSize}), got ${c.head_dim}`,
        );
      return {
        layers: c.num_hidden_layers,
        heads: c.num_attention_heads,
        kvHeads: c.num_key_value_heads ?? c.num_attention_heads,
        width: c.hidden_size,
        hidden: c.intermediate_size,
        context: c.max_position_embeddings,
        vocab: c.vocab_size,
        checkpoint: false,
        ropeTheta: c.rope_parameters?.rope_theta ?? c.rope_theta,
        tiedHead: c.tie_word_embeddings,
        normEpsilon: c.rms_norm_eps,
      };
    },
  },
});

const configSchema = z.object({
  num_hidden_layers: count,
  num_attention_heads: count,
  num_key_value_heads: count.nullish(),
  head_dim: count.nullish(),
  hidden_size: count,
  intermediate_size: count,
  max_position_embeddings: count,
  vocab_size: count,
  rms_norm_eps: positive.default(1e-6),
  rope_theta: positive.default(10_000),
  rope_scaling: only(null),
  // Where Transformers keep both since their version 5.
  rope_parameters: z.object({ rope_type: only('default'), rope_theta: positive }, 'expected an object').nullish(),
  tie_word_embeddings: z.boolean('expected true or false').default(false),
  hidden_act: only('silu'),
  attention_bias: only(false),
  mlp_bias: only(false),
});
