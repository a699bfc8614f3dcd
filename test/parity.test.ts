// Our numbers against PyTorch's. The fixtures hold small models and what PyTorch computed with them in float64: logits,
// loss, gradients, and the losses of ten AdamW steps.
import { readFileSync } from 'node:fs';
import { adamW, createModel, Optimizer, Parameters } from '@lockstep/nn';
import { fromPretrained } from '@lockstep/nn/node';
import { crossEntropy, differentiate, euclideanNorm, Random, type Tensor } from '@lockstep/tensor';
import { describe, expect, test } from 'vitest';
import { device } from './gpu.ts';

interface Expected {
  readonly tokens: number[][];
  readonly targets: number[][];
  readonly loss: number;
  readonly logits: {
    readonly first_row: number[];
    readonly last_row: number[];
    readonly sum: number;
    readonly abs_sum: number;
  };
  readonly gradients: Record<string, { readonly norm: number; readonly first: number[]; readonly last: number[] }>;
  readonly adamw: {
    readonly hyper: {
      readonly lr: number;
      readonly beta1: number;
      readonly beta2: number;
      readonly eps: number;
      readonly weight_decay: number;
      readonly clip_norm: number;
    };
    readonly losses: number[];
    readonly grad_norms: number[];
  };
}

const relative = (got: number, expected: number): number => Math.abs(got - expected) / Math.abs(expected);

describe.each(['gpt2-tiny', 'gpt2-odd', 'llama-tiny'])('%s', async (name) => {
  const directory = new URL(`fixtures/${name}/`, import.meta.url);
  const expected = JSON.parse(readFileSync(new URL('expected.json', directory), 'utf8')) as Expected;
  const { model: value, weights } = await fromPretrained(directory.pathname);
  const model = createModel(value);
  const { vocab } = value as typeof value & { readonly vocab: number };
  const parameters = new Parameters(device, model);
  const [batch, context] = [expected.tokens.length, expected.tokens[0]!.length];
  const grid = (rows: number[][]): Tensor => device.tensor(Uint32Array.from(rows.flat()), [batch, context]);
  const positions = device.tensor(
    Uint32Array.from({ length: batch * context }, (_, i) => i % context),
    [batch, context],
  );
  const random = new Random({ counters: device.tensor(new Uint32Array(4)) });
  const inputs = { tokens: grid(expected.tokens), positions, random };
  const targets = grid(expected.targets);
  const loss = (): Tensor => crossEntropy(model.logits(inputs), targets);

  test('logits within 1e-5', async () => {
    parameters.load(weights);
    const logits = device.scope(() => model.logits(inputs));
    const values = await logits.read();
    logits.dispose();
    const rows = [...values.subarray(0, vocab), ...values.subarray(values.length - vocab)];
    [...expected.logits.first_row, ...expected.logits.last_row].forEach((value, i) =>
      expect(Math.abs(rows[i]! - value)).toBeLessThan(1e-5),
    );
    const absolute = values.reduce((sum, value) => sum + Math.abs(value), 0);
    expect(relative(absolute, expected.logits.abs_sum)).toBeLessThan(1e-5);
  });

  test('loss within 1e-6 and gradient norms within 1e-4, relative', async () => {
    parameters.load(weights);
    const value = differentiate(device, loss);
    expect(relative((await value.read())[0]!, expected.loss)).toBeLessThan(1e-6);
    value.dispose();
    const gradients = parameters.unpack(await parameters.gradients.read());
    for (const [parameter, { norm, first, last }] of Object.entries(expected.gradients)) {
      const { data } = gradients.get(parameter)!;
      expect(relative(Math.hypot(...data), norm), parameter).toBeLessThan(1e-4);
      [...first, ...last].forEach((element, i) => {
        const got = i < first.length ? data[i]! : data[data.length - last.length + i - first.length]!;
        expect(Math.abs(got - element), parameter).toBeLessThan(1e-4 * norm);
      });
    }
  });

  test('ten AdamW losses and gradient norms within 1e-4, relative', async () => {
    parameters.load(weights);
    const { lr, beta1, beta2, eps, weight_decay, clip_norm } = expected.adamw.hyper;
    const { weights: flat, gradients } = parameters;
    const settings = { beta1, beta2, epsilon: eps, weightDecay: weight_decay, clipNorm: clip_norm };
    const optimizer = new Optimizer(adamW(settings), device, parameters);
    const [gradientNorm] = optimizer.norms as [Tensor];
    const program = await device.capture(() => {
      const value = differentiate(device, loss);
      euclideanNorm(device, device.view(gradients, 0, [flat.size]), gradientNorm);
      optimizer.dispatch();
      return value;
    });
    const losses: number[] = [];
    for (let step = 1; step <= expected.adamw.losses.length; step++) {
      optimizer.schedule(step, lr);
      const [value, norm] = await device.submit([program, program.result, gradientNorm]);
      losses.push(value![0]!);
      if (step <= expected.adamw.grad_norms.length)
        expect(relative(norm![0]!, expected.adamw.grad_norms[step - 1]!)).toBeLessThan(1e-4);
    }
    losses.forEach((value, i) =>
      expect(relative(value, expected.adamw.losses[i]!), `step ${i + 1}`).toBeLessThan(1e-4),
    );
  });
});
