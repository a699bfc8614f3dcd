// GPT-2 (Radford et al. 2019), as Hugging Face's GPT2LMHeadModel: pre-normalised blocks, learned positions, a head tied
// to the token embedding. Linear layers store their weights as (in, out).
import {
  add,
  attention,
  checkpoint,
  dropout,
  embedding,
  layerNorm,
  linear,
  matmul,
  type Tensor,
} from '@lockstep/tensor';
import * as z from 'zod';
import { ConfigError } from '../errors.ts';
import { count, only, parseConfig } from '../parse-config.ts';
import type { Parameters, ParameterSpec } from '../parameters.ts';
import { headSizeOf } from './head-size.ts';
import { cachedAttention } from './key-value-cache.ts';
import type { ForwardInputs, Model } from './model.ts';

/** Sizes of a GPT-2. `vocab` is taken from the data's tokenizer where it is left out. */
export interface GptOptions {
  readonly layers: number;
  readonly heads: number;
  readonly width: number;
  readonly context: number;
  readonly vocab?: number | undefined;
  /** Share of activations dropped while training, in [0, 1). */
  readonly dropout?: number | undefined;
  /** Compute the activations of blocks again on the way back instead of keeping them: less memory, a third more work, the same bits. */
  readonly checkpoint?: boolean | undefined;
}

export interface GptDescription extends GptOptions {
  readonly architecture: 'gpt';
}

/** Describes a GPT-2. Plain data: nothing is allocated until a device is there. */
export function gpt(options: GptOptions): GptDescription {
  return { architecture: 'gpt', ...options };
}

const epsilon = 1e-5;

/** Parameters of one block, by role. The residual projections begin smaller, by the number of residual additions. */
function blockSpecs(layer: number, { width, layers }: GptOptions): ParameterSpec[] {
  const at = (name: string, shape: number[], initial: ParameterSpec['initial']): ParameterSpec => ({
    name: `transformer.h.${layer}.${name}`,
    shape,
    initial,
  });
  const one = { value: 1 };
  const zero = { value: 0 };
  const normal = { std: 0.02 };
  const residual = { std: 0.02 / Math.sqrt(2 * layers) };
  return [
    at('ln_1.weight', [width], one),
    at('ln_1.bias', [width], zero),
    at('attn.c_attn.weight', [width, 3 * width], normal),
    at('attn.c_attn.bias', [3 * width], zero),
    at('attn.c_proj.weight', [width, width], residual),
    at('attn.c_proj.bias', [width], zero),
    at('ln_2.weight', [width], one),
    at('ln_2.bias', [width], zero),
    at('mlp.c_fc.weight', [width, 4 * width], normal),
    at('mlp.c_fc.bias', [4 * width], zero),
    at('mlp.c_proj.weight', [4 * width, width], residual),
    at('mlp.c_proj.bias', [width], zero),
  ];
}

class Gpt implements Model {
  readonly context: number;
  readonly vocab: number;
  readonly layers: number;
  readonly cacheWidth: number;
  readonly parameters: readonly ParameterSpec[];
  readonly buffers: readonly [] = [];
  readonly #options: GptOptions;

  constructor(options: GptOptions & { readonly vocab: number }) {
    const { width, context, vocab, layers } = options;
    this.#options = options;
    this.context = context;
    this.vocab = vocab;
    this.layers = layers;
    this.cacheWidth = 2 * headSizeOf(options) * options.heads;
    this.parameters = [
      { name: 'transformer.wte.weight', shape: [vocab, width], initial: { std: 0.02 } },
      { name: 'transformer.wpe.weight', shape: [context, width], initial: { std: 0.02 } },
      ...Array.from({ length: layers }, (_, layer) => blockSpecs(layer, options)).flat(),
      { name: 'transformer.ln_f.weight', shape: [width], initial: { value: 1 } },
      { name: 'transformer.ln_f.bias', shape: [width], initial: { value: 0 } },
    ];
  }

  logits(parameters: Parameters, inputs: ForwardInputs): Tensor {
    const p = (name: string): Tensor => parameters.get(`transformer.${name}`);
    const embedded = add(embedding(inputs.tokens, p('wte.weight')), embedding(inputs.positions, p('wpe.weight')));
    let x = this.#drop(embedded, inputs, 0); // (B, T, C)
    for (let layer = 0; layer < this.layers; layer++) {
      const block = (from: Tensor): Tensor => this.#block(from, parameters, inputs, layer);
      x = this.#options.checkpoint ? checkpoint(block, x) : block(x);
    }
    const normed = layerNorm(x, p('ln_f.weight'), p('ln_f.bias'), { epsilon });
    return matmul(normed, p('wte.weight'), { transposeB: true }); // (B, T, V)
  }

  config(): Record<string, unknown> {
    const { layers, heads, width, context, vocab, dropout: rate = 0 } = this.#options;
    return {
      model_type: 'gpt2',
      architectures: ['GPT2LMHeadModel'],
      n_layer: layers,
      n_head: heads,
      n_embd: width,
      n_positions: context,
      n_ctx: context,
      vocab_size: vocab,
      activation_function: 'gelu_new',
      layer_norm_epsilon: epsilon,
      tie_word_embeddings: true,
      embd_pdrop: rate,
      attn_pdrop: 0,
      resid_pdrop: rate,
    };
  }

  #block(x: Tensor, parameters: Parameters, inputs: ForwardInputs, layer: number): Tensor {
    const p = (name: string): Tensor => parameters.get(`transformer.h.${layer}.${name}`);
    const { heads } = this.#options;
    const qkv = linear(
      layerNorm(x, p('ln_1.weight'), p('ln_1.bias'), { epsilon }),
      p('attn.c_attn.weight'),
      p('attn.c_attn.bias'),
      {},
    ); // (B, T, 3C)
    const mixed = inputs.cache
      ? cachedAttention(qkv, inputs.cache, layer, { heads, kvHeads: heads })
      : attention(qkv, { heads, causal: true });
    const attended = linear(mixed, p('attn.c_proj.weight'), p('attn.c_proj.bias'), {});
    const middle = add(x, this.#drop(attended, inputs, 2 * layer + 1));
    const hidden = linear(
      layerNorm(middle, p('ln_2.weight'), p('ln_2.bias'), { epsilon }),
      p('mlp.c_fc.weight'),
      p('mlp.c_fc.bias'),
      { gelu: true },
    ); // (B, T, 4C)
    const projected = linear(hidden, p('mlp.c_proj.weight'), p('mlp.c_proj.bias'), {});
    return add(middle, this.#drop(projected, inputs, 2 * layer + 2));
  }

  /** `site` numbers the places where dropout is applied, so that each draws its own mask. */
  #drop(x: Tensor, { random }: ForwardInputs, site: number): Tensor {
    const { dropout: rate = 0 } = this.#options;
    return rate > 0 && random ? dropout(x, random, { rate, layer: site }) : x;
  }
}

/** A GPT-2 of the described sizes. */
export function createGpt(options: GptOptions & { readonly vocab: number }): Model {
  return new Gpt(options);
}

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

/** Describes the GPT-2 of a Hugging Face config.json. @throws {ConfigError} */
export function gptFromConfig(config: unknown): GptDescription & { readonly vocab: number } {
  const { n_layer, n_head, n_embd, n_positions, vocab_size, n_inner } = parseConfig(configSchema, config);
  if (n_inner && n_inner !== 4 * n_embd)
    throw new ConfigError(`config.json: n_inner: expected null or 4·n_embd (${4 * n_embd}), got ${n_inner}`);
  return {
    architecture: 'gpt',
    layers: n_layer,
    heads: n_head,
    width: n_embd,
    context: n_positions,
    vocab: vocab_size,
  };
}
