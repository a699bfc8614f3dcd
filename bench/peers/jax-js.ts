/**
 * The training step in jax-js, as its users write it: loss, gradients and AdamW in one `jit`, which fuses and records
 * the whole step. Arrays are counted by hand there: a function consumes what it is given, `.ref` keeps it alive.
 */
import { adapterInUse } from './browser.ts';
import { defaultDevice, init, jit, nn, numpy as np, tree, valueAndGrad } from '@jax-js/jax';
import { adamw, corrections, type Problem, type StepConfig } from '../problem.ts';
import type { Peer, Prepared } from './peer.ts';

type Params = Record<string, np.Array>;
/** Parameters, and Adam's first and second moments. */
type State = { params: Params; m: Params; v: Params };

export const jaxJs: Peer = {
  name: 'jax-js',
  async prepare({ config, weights, tokens, targets }: Problem): Promise<Prepared> {
    if (!(await init('webgpu')).includes('webgpu')) throw new Error('bench: jax-js found no WebGPU device');
    defaultDevice('webgpu');
    const shape = [config.batch, config.context];
    const inputs = np.array(tokens).reshape(shape); // (B, T)
    const labels = np.array(targets).reshape(shape); // (B, T)
    const params = mapValues(weights, ({ data, shape }) => np.array(data).reshape(shape));
    let state: State = { params, m: zeros(params), v: zeros(params) };
    let count = 0;
    const update = trainStep(config);
    return {
      adapter: adapterInUse(),
      async step() {
        count += 1;
        // jax-js is lazy. Every loss is read, and each depends on all of the state before it: nothing can be skipped.
        const [loss, next] = update(state, np.array(corrections(count)), inputs.ref, labels.ref);
        state = next;
        return (await loss.data())[0]!;
      },
      finish() {
        for (const array of [...tree.leaves(state), inputs, labels]) array.dispose();
        update.dispose();
      },
    };
  },
};

function trainStep(config: StepConfig) {
  const lossAndGrads = valueAndGrad((p: Params, tokens: np.Array, targets: np.Array) =>
    loss(p, config, tokens, targets),
  );
  return jit((state: State, corrections: np.Array, tokens: np.Array, targets: np.Array): [np.Array, State] => {
    const [value, grads] = lossAndGrads(tree.ref(state.params), tokens, targets);
    return [value, applyAdamw(state, grads as Params, corrections)];
  });
}

function loss(p: Params, { layers, heads, vocab }: StepConfig, tokens: np.Array, targets: np.Array): np.Array {
  const wte = p['transformer.wte.weight']!;
  let x = wte.ref.slice(tokens).add(p['transformer.wpe.weight']!); // (B, T, C)
  for (let i = 0; i < layers; i++) x = block(p, `transformer.h.${i}`, heads, x);
  const logits = np.matmul(norm(p, 'transformer.ln_f', x), wte.transpose()); // (B, T, V)
  return nn.logSoftmax(logits).mul(nn.oneHot(targets, vocab)).sum(-1).mean().neg();
}

function block(p: Params, h: string, heads: number, x: np.Array): np.Array {
  x = x.ref.add(attention(p, `${h}.attn`, heads, norm(p, `${h}.ln_1`, x)));
  const hidden = nn.gelu(linear(p, `${h}.mlp.c_fc`, norm(p, `${h}.ln_2`, x.ref)));
  return x.add(linear(p, `${h}.mlp.c_proj`, hidden));
}

function attention(p: Params, name: string, heads: number, x: np.Array): np.Array {
  const [B, T, C] = x.shape as [number, number, number];
  const qkv = np.split(linear(p, `${name}.c_attn`, x), 3, -1);
  const [q, k, v] = qkv.map((t) => t.reshape([B, T, heads, C / heads])) as [np.Array, np.Array, np.Array]; // (B, T, H, D)
  const y = nn.dotProductAttention(q, k, v, { isCausal: true }); // (B, T, H, D)
  return linear(p, `${name}.c_proj`, y.reshape([B, T, C]));
}

function linear(p: Params, name: string, x: np.Array): np.Array {
  return np.matmul(x, p[`${name}.weight`]!).add(p[`${name}.bias`]!);
}

/** `nn.standardize` has the epsilon of GPT-2, 1e-5, by default. */
function norm(p: Params, name: string, x: np.Array): np.Array {
  return nn.standardize(x).mul(p[`${name}.weight`]!).add(p[`${name}.bias`]!);
}

/** What all gradients are multiplied by, so that their common norm is at most `clipNorm`. */
function clipScale(grads: Params): np.Array {
  const squares = Object.values(grads).map((g) => np.square(g.ref).sum());
  const norm = np.sqrt(squares.reduce((a, b) => a.add(b)));
  return np.minimum(1, np.divide(adamw.clipNorm, norm.add(1e-6)));
}

/** The clip and the corrections are folded into scalars, so that no tensor is walked through once more for them. */
function applyAdamw({ params, m, v }: State, grads: Params, corrections: np.Array): State {
  const { lr, beta1, beta2, weightDecay } = adamw;
  const [rate, eps] = np.split(corrections, 2) as [np.Array, np.Array]; // (1), (1)
  const scale = clipScale(grads);
  const scale1 = scale.ref.mul(1 - beta1);
  const scale2 = np.square(scale).mul(1 - beta2);
  const next: State = { params: {}, m: {}, v: {} };
  for (const [name, g] of Object.entries(grads)) {
    const m1 = m[name]!.mul(beta1).add(g.ref.mul(scale1.ref));
    const v1 = v[name]!.mul(beta2).add(np.square(g).mul(scale2.ref));
    const decay = params[name]!.ndim >= 2 ? 1 - lr * weightDecay : 1;
    const update = m1.ref.mul(rate.ref).div(np.sqrt(v1.ref).add(eps.ref));
    next.params[name] = params[name]!.mul(decay).sub(update);
    next.m[name] = m1;
    next.v[name] = v1;
  }
  for (const scalar of [rate, eps, scale1, scale2]) scalar.dispose();
  return next;
}

function zeros(params: Params): Params {
  return mapValues(params, (p) => np.zeros(p.shape));
}

function mapValues<T, U>(record: Record<string, T>, f: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, f(value)]));
}
