// Llama (Touvron et al. 2023), as Hugging Face's LlamaForCausalLM: RMSNorm, rotary positions, SwiGLU, grouped queries.
// Linear layers store their weights as (out, in) and have no bias.
import {
  add,
  attention,
  checkpoint,
  embedding,
  matmul,
  packedProjection,
  rmsNorm,
  rotary,
  rotaryTable,
  siluMul,
  type Tensor,
} from '@lockstep/tensor';
import * as z from 'zod';
import { ConfigError } from '../errors.ts';
import { count, only, parseConfig, positive } from '../parse-config.ts';
import type { BufferSpec, Parameters, ParameterSpec } from '../parameters.ts';
import { headSizeOf } from './head-size.ts';
import { cachedAttention } from './key-value-cache.ts';
import type { ForwardInputs, Model } from './model.ts';

/** Sizes of a Llama. `vocab` is taken from the data's tokenizer where it is left out. */
export interface LlamaOptions {
  readonly layers: number;
  readonly heads: number;
  /** Heads of keys and values, each shared by heads / kvHeads queries; as many as `heads` unless given. */
  readonly kvHeads?: number | undefined;
  readonly width: number;
  /** Width inside the feed-forward layers; 8/3 of `width`, rounded up to a multiple of 32, unless given. */
  readonly hidden?: number | undefined;
  readonly context: number;
  readonly vocab?: number | undefined;
  /** Base of the rotary angles; 10,000 unless given. */
  readonly ropeTheta?: number | undefined;
  /** Use the token embedding as the head. */
  readonly tiedHead?: boolean | undefined;
  /** Added to the mean square under RMSNorm's root; 1e-5 unless given. */
  readonly normEpsilon?: number | undefined;
  /** Compute the activations of blocks again on the way back instead of keeping them: less memory, a third more work, the same bits. */
  readonly checkpoint?: boolean | undefined;
}

export interface LlamaDescription extends LlamaOptions {
  readonly architecture: 'llama';
}

/** Describes a Llama. Plain data: nothing is allocated until a device is there. */
export function llama(options: LlamaOptions): LlamaDescription {
  return { architecture: 'llama', ...options };
}

type Sizes = Required<{ [K in keyof LlamaOptions]: NonNullable<LlamaOptions[K]> }> & { readonly headSize: number };

function withDefaults(options: LlamaOptions & { readonly vocab: number }): Sizes {
  const {
    heads,
    width,
    kvHeads = heads,
    hidden = 32 * Math.ceil((8 * width) / 3 / 32),
    ropeTheta = 10_000,
    tiedHead = false,
    normEpsilon = 1e-5,
    checkpoint: isCheckpointed = false,
  } = options;
  const headSize = headSizeOf({ width, heads, kvHeads, rotary: true });
  return { ...options, kvHeads, hidden, ropeTheta, tiedHead, normEpsilon, checkpoint: isCheckpointed, headSize };
}

/** Parameters of one block, by role. The residual projections begin smaller, by the number of residual additions. */
function blockSpecs(layer: number, { width, layers, headSize, kvHeads, hidden }: Sizes): ParameterSpec[] {
  const at = (name: string, shape: number[], initial: ParameterSpec['initial']): ParameterSpec => ({
    name: `model.layers.${layer}.${name}.weight`,
    shape,
    initial,
  });
  const normal = { std: 0.02 };
  const residual = { std: 0.02 / Math.sqrt(2 * layers) };
  const kvWidth = headSize * kvHeads;
  return [
    at('input_layernorm', [width], { value: 1 }),
    at('self_attn.q_proj', [width, width], normal),
    at('self_attn.k_proj', [kvWidth, width], normal),
    at('self_attn.v_proj', [kvWidth, width], normal),
    at('self_attn.o_proj', [width, width], residual),
    at('post_attention_layernorm', [width], { value: 1 }),
    at('mlp.gate_proj', [hidden, width], normal),
    at('mlp.up_proj', [hidden, width], normal),
    at('mlp.down_proj', [width, hidden], residual),
  ];
}

class Llama implements Model {
  readonly context: number;
  readonly vocab: number;
  readonly layers: number;
  readonly cacheWidth: number;
  readonly parameters: readonly ParameterSpec[];
  readonly buffers: readonly BufferSpec[];
  readonly #sizes: Sizes;

  constructor(options: LlamaOptions & { readonly vocab: number }) {
    const sizes = (this.#sizes = withDefaults(options));
    const { width, headSize, kvHeads, context, vocab, layers, tiedHead } = sizes;
    this.context = context;
    this.vocab = vocab;
    this.layers = layers;
    this.cacheWidth = 2 * headSize * kvHeads;
    const angles = { context, headSize, base: sizes.ropeTheta };
    this.buffers = [{ name: 'angles', make: (device) => rotaryTable(device, angles) }];
    this.parameters = [
      { name: 'model.embed_tokens.weight', shape: [vocab, width], initial: { std: 0.02 } },
      ...Array.from({ length: layers }, (_, layer) => blockSpecs(layer, sizes)).flat(),
      { name: 'model.norm.weight', shape: [width], initial: { value: 1 } },
      ...(tiedHead ? [] : [{ name: 'lm_head.weight', shape: [vocab, width], initial: { std: 0.02 } }]),
    ];
  }

  logits(parameters: Parameters, inputs: ForwardInputs): Tensor {
    const embeddings = parameters.get('model.embed_tokens.weight');
    const head = this.#sizes.tiedHead ? embeddings : parameters.get('lm_head.weight');
    const epsilon = this.#sizes.normEpsilon;
    let x = embedding(inputs.tokens, embeddings); // (B, T, C)
    for (let layer = 0; layer < this.layers; layer++) {
      const block = (from: Tensor): Tensor => this.#block(from, parameters, inputs, layer);
      x = this.#sizes.checkpoint ? checkpoint(block, x) : block(x);
    }
    return matmul(rmsNorm(x, parameters.get('model.norm.weight'), { epsilon }), head, { transposeB: true }); // (B, T, V)
  }

  config(): Record<string, unknown> {
    const { layers, heads, kvHeads, width, hidden, context, vocab, ropeTheta, tiedHead } = this.#sizes;
    return {
      model_type: 'llama',
      architectures: ['LlamaForCausalLM'],
      num_hidden_layers: layers,
      num_attention_heads: heads,
      num_key_value_heads: kvHeads,
      hidden_size: width,
      intermediate_size: hidden,
      max_position_embeddings: context,
      vocab_size: vocab,
      rms_norm_eps: this.#sizes.normEpsilon,
      rope_theta: ropeTheta,
      tie_word_embeddings: tiedHead,
      hidden_act: 'silu',
      attention_bias: false,
      mlp_bias: false,
    };
  }

  #block(x: Tensor, parameters: Parameters, inputs: ForwardInputs, layer: number): Tensor {
    const p = (name: string): Tensor => parameters.get(`model.layers.${layer}.${name}.weight`);
    const { heads, kvHeads, normEpsilon: epsilon } = this.#sizes;
    const normed = rmsNorm(x, p('input_layernorm'), { epsilon });
    const qkv = packedProjection(normed, p('self_attn.q_proj'), p('self_attn.k_proj'), p('self_attn.v_proj')); // (B, T, (H + 2·KV)·D)
    const turned = rotary(qkv, inputs.positions, parameters.buffer('angles'), { heads, kvHeads });
    const mixed = inputs.cache
      ? cachedAttention(turned, inputs.cache, layer, { heads, kvHeads })
      : attention(turned, { heads, kvHeads, causal: true }); // (B, T, C)
    const middle = add(x, matmul(mixed, p('self_attn.o_proj'), { transposeB: true }));
    const fed = rmsNorm(middle, p('post_attention_layernorm'), { epsilon });
    const gate = matmul(fed, p('mlp.gate_proj'), { transposeB: true });
    const up = matmul(fed, p('mlp.up_proj'), { transposeB: true });
    return add(middle, matmul(siluMul(gate, up), p('mlp.down_proj'), { transposeB: true }));
  }
}

/** A Llama of the described sizes. */
export function createLlama(options: LlamaOptions & { readonly vocab: number }): Model {
  return new Llama(options);
}

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

/** Describes the Llama of a Hugging Face config.json. @throws {ConfigError} */
export function llamaFromConfig(config: unknown): LlamaDescription & { readonly vocab: number } {
  const c = parseConfig(configSchema, config);
  const headSize = c.hidden_size / c.num_attention_heads;
  if (c.head_dim && c.head_dim !== headSize)
    throw new ConfigError(
      `config.json: head_dim: expected hidden_size / num_attention_heads (${headSize}), got ${c.head_dim}`,
    );
  return {
    architecture: 'llama',
    layers: c.num_hidden_layers,
    heads: c.num_attention_heads,
    kvHeads: c.num_key_value_heads ?? c.num_attention_heads,
    width: c.hidden_size,
    hidden: c.intermediate_size,
    context: c.max_position_embeddings,
    vocab: c.vocab_size,
    ropeTheta: c.rope_parameters?.rope_theta ?? c.rope_theta,
    tiedHead: c.tie_word_embeddings,
    normEpsilon: c.rms_norm_eps,
  };
}
