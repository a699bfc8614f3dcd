/**
 * The training step in TensorFlow.js on its WebGPU backend, as its users write it: `variableGrads` for loss and
 * gradients, then AdamW by hand, because `tf.train.adam` knows neither decoupled decay nor clipping.
 */
import { adapterInUse } from './browser.ts';
import * as tf from '@tensorflow/tfjs';
import '@tensorflow/tfjs-backend-webgpu';
import { adamw, corrections, layerNormEps, type Problem, type StepConfig, type Weights } from '../problem.ts';
import type { Peer, Prepared } from './peer.ts';

/** A parameter with Adam's first and second moments. */
type Slot = { p: tf.Variable; m: tf.Variable; v: tf.Variable };
type Params = Record<string, Slot>;
/** Tensors that stay the same from step to step. */
type Batch = { tokens: tf.Tensor1D; labels: tf.Tensor2D; mask: tf.Tensor };

export const tfjs: Peer = {
  name: 'tfjs',
  async prepare({ config, weights, tokens, targets }: Problem): Promise<Prepared> {
    if (!(await tf.setBackend('webgpu'))) throw new Error('bench: tfjs found no WebGPU device');
    const params = toVariables(weights);
    const batch: Batch = {
      tokens: tf.tensor1d(tokens, 'int32'), // (B·T)
      labels: tf.tidy(() => tf.oneHot(tf.tensor1d(targets, 'int32'), config.vocab).toFloat()) as tf.Tensor2D, // (B·T, V)
      mask: causalMask(config.context), // (T, T)
    };
    let count = 0;
    return {
      adapter: adapterInUse(),
      async step() {
        count += 1;
        const loss = tf.tidy(() => trainStep(params, config, batch, count));
        const [value] = await loss.data();
        loss.dispose();
        return value!;
      },
      finish() {
        tf.dispose([params, batch]);
      },
    };
  },
};

function toVariables(weights: Weights): Params {
  const params: Params = {};
  for (const [name, { shape, data }] of Object.entries(weights)) {
    const [p, m, v] = tf.tidy(() => [
      tf.variable(tf.tensor(data, shape)),
      tf.variable(tf.zeros(shape), false),
      tf.variable(tf.zeros(shape), false),
    ]) as [tf.Variable, tf.Variable, tf.Variable];
    params[name] = { p, m, v };
  }
  return params;
}

/** 0 where a position may look, -1e9 above the diagonal, where its weight then is exactly 0. */
function causalMask(T: number): tf.Tensor {
  return tf.tidy(() => tf.sub(1, tf.linalg.bandPart(tf.ones([T, T]), -1, 0)).mul(-1e9));
}

function trainStep(params: Params, config: StepConfig, batch: Batch, count: number): tf.Scalar {
  const variables = Object.values(params).map(({ p }) => p);
  const { value, grads } = tf.variableGrads(() => loss(params, config, batch), variables);
  applyAdamw(params, grads, count);
  return value;
}

function loss(params: Params, config: StepConfig, { tokens, labels, mask }: Batch): tf.Scalar {
  const { layers, width: C, batch: B, context: T } = config;
  const wte = weight(params, 'transformer.wte.weight');
  const embedded = tf.gather(wte, tokens).reshape([B, T, C]).add(weight(params, 'transformer.wpe.weight'));
  let x = embedded.reshape([B * T, C]) as tf.Tensor2D; // (B·T, C)
  for (let i = 0; i < layers; i++) x = block(params, `transformer.h.${i}`, config, mask, x);
  const logits = tf.matMul(norm(params, 'transformer.ln_f', x), wte as tf.Tensor2D, false, true); // (B·T, V)
  return tf.losses.softmaxCrossEntropy(labels, logits);
}

function block(params: Params, h: string, config: StepConfig, mask: tf.Tensor, x: tf.Tensor2D): tf.Tensor2D {
  x = x.add(attention(params, `${h}.attn`, config, mask, norm(params, `${h}.ln_1`, x)));
  const hidden = gelu(linear(params, `${h}.mlp.c_fc`, norm(params, `${h}.ln_2`, x)));
  return x.add(linear(params, `${h}.mlp.c_proj`, hidden));
}

function attention(params: Params, name: string, config: StepConfig, mask: tf.Tensor, x: tf.Tensor2D): tf.Tensor2D {
  const { width: C, heads: H, batch: B, context: T } = config;
  const qkv = tf.split(linear(params, `${name}.c_attn`, x), 3, -1);
  const [q, k, v] = qkv.map((t) => t.reshape([B, T, H, C / H]).transpose([0, 2, 1, 3])); // (B, H, T, D)
  const scores = tf.matMul(q!, k!, false, true).mul(1 / Math.sqrt(C / H)); // (B, H, T, T)
  const y = tf.matMul(tf.softmax(scores.add(mask)), v!).transpose([0, 2, 1, 3]); // (B, T, H, D)
  return linear(params, `${name}.c_proj`, y.reshape([B * T, C]));
}

function linear(params: Params, name: string, x: tf.Tensor2D): tf.Tensor2D {
  const [b, bias] = [weight(params, `${name}.weight`), weight(params, `${name}.bias`)];
  return tf.fused.matMul({ a: x, b: b as tf.Tensor2D, bias }) as tf.Tensor2D;
}

function norm(params: Params, name: string, x: tf.Tensor2D): tf.Tensor2D {
  const { mean, variance } = tf.moments(x, -1, true);
  const normal = x.sub(mean).mul(variance.add(layerNormEps).rsqrt());
  return normal.mul(weight(params, `${name}.weight`)).add(weight(params, `${name}.bias`));
}

function gelu(x: tf.Tensor2D): tf.Tensor2D {
  const inner = x
    .mul(x)
    .mul(0.044715)
    .add(1)
    .mul(x)
    .mul(Math.sqrt(2 / Math.PI));
  return inner.tanh().add(1).mul(x).mul(0.5);
}

/** What all gradients are multiplied by, so that their common norm is at most `clipNorm`. */
function clipScale(grads: tf.Tensor[]): tf.Tensor {
  // Not `addN`: it binds every tensor at once, and a stage has 8 bindings by default.
  const norm = tf
    .stack(grads.map((g) => g.square().sum()))
    .sum()
    .sqrt();
  return tf.minimum(1, tf.div(adamw.clipNorm, norm.add(1e-6)));
}

/** The clip and the corrections are folded into scalars, so that no tensor is walked through once more for them. */
function applyAdamw(params: Params, grads: tf.NamedTensorMap, count: number): void {
  const { lr, beta1, beta2, weightDecay } = adamw;
  const [rate, eps] = corrections(count);
  const scale = clipScale(Object.values(grads));
  const scale1 = scale.mul(1 - beta1);
  const scale2 = scale.square().mul(1 - beta2);
  for (const { p, m, v } of Object.values(params)) {
    const g = grads[p.name]!;
    m.assign(m.mul(beta1).add(g.mul(scale1)));
    v.assign(v.mul(beta2).add(g.square().mul(scale2)));
    const update = m.mul(rate).div(v.sqrt().add(eps));
    const decayed = p.rank >= 2 ? p.mul(1 - lr * weightDecay) : p;
    p.assign(decayed.sub(update));
  }
}

function weight(params: Params, name: string): tf.Variable {
  return params[name]!.p;
}
