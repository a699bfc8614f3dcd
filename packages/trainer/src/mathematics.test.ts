import {
  adamW,
  defineLoss,
  defineModel,
  defineOptimizer,
  type Facts,
  type Initial,
  gpt,
  layers,
  muon,
  groups,
  nextToken,
  sgd,
} from '@lockstep/nn';
import { defineOp, kernel, ops, type Tensor } from '@lockstep/tensor';
import { describe, expect, it } from 'vitest';
import type { InputSpecs } from './batch.ts';
import type { Batches } from './data/dataset.ts';
import { text } from './data/text.ts';
import { type Mathematics, mathematicsOf, mathematicsParts, scheduleSha256 } from './mathematics.ts';
import { defineRun } from './run/define-run.ts';
import type { Run, RunOptions } from './run/run.ts';
import { constant, cosine } from './schedule.ts';

const context = 8;
const tokens = { shape: [context], dtype: 'u32' } as const;
const inputs: InputSpecs = { tokens, targets: tokens };
const facts: Facts = { vocab: 11 };

const options: RunOptions = {
  name: 'test',
  model: gpt({ layers: 2, heads: 2, width: 16, context, dropout: 0.1 }),
  data: text('a.txt'),
  optimizer: adamW(),
  schedule: cosine({ peak: 0.1, warmupSteps: 5 }),
  batch: 16,
  steps: 100,
};

const dataset = { facts, sha256: 'a', batches: () => ({ inputs }) as Batches };

const of = (run: Run): Promise<Mathematics> => mathematicsOf({ run, dataset, rows: {} });

/** Parts that differ from those of the run above, or another one. */
async function differences(change: Partial<RunOptions>, from: Partial<RunOptions> = {}): Promise<string[]> {
  const [before, after] = await Promise.all(
    [from, change].map((one) => of(defineRun({ ...options, ...from, ...one }))),
  );
  return mathematicsParts.filter((part) => before![part] !== after![part]);
}

interface Own {
  readonly activation?: (x: Tensor) => Tensor;
  readonly initial?: Initial;
}

/** A model whose code may be any. */
function own({ activation = ops.relu, initial = { std: 0.1 } }: Own = {}): RunOptions['model'] {
  const define = defineModel({
    name: 'own',
    create(_: { context: number }, { vocab }) {
      const [table, head] = [layers.embedding(vocab!, 8, { initial }), layers.linear(8, vocab!)];
      return { parameters: { table, head }, logits: ({ tokens: of }) => head(activation(table(of))) };
    },
  });
  return define({ context });
}

const lossOf = (compute: (logits: Tensor, targets: Tensor) => Tensor, metric?: (logits: Tensor) => Tensor) =>
  defineLoss((model, { targets, ...rest }) => {
    const logits = model.logits(rest);
    return { loss: compute(logits, targets!), metrics: metric ? { metric: metric(logits) } : {} };
  })();

describe('what a run computes', () => {
  it('is the same for the same settings, whatever is reported and however long it runs', async () => {
    expect(await differences({ name: 'other', steps: 100, checkpoint: { every: 3 } })).toEqual([]);
    expect(await differences({ optimizer: adamW({ shard: true }) })).toEqual([]);
    expect(await differences({ model: own({ activation: (x) => ops.maximum(x, 0) }) }, { model: own() })).toEqual([
      'model',
      'gradient',
    ]);
    const other = own({ activation: (value) => ((...[one]: [Tensor]) => ops.relu(one))(value) });
    expect(await differences({ model: other }, { model: own() })).toEqual([]);
  });

  it('does not count what nobody reads, nor the order of what is independent', async () => {
    const first = lossOf((logits, targets) => {
      const [a, b] = [ops.mean(logits), ops.crossEntropy(logits, targets)];
      return ops.add(b, ops.mul(a, 0.1));
    });
    const second = lossOf((logits, targets) => {
      ops.sum(ops.exp(logits));
      const [b, a] = [ops.crossEntropy(logits, targets), ops.mean(logits)];
      return ops.add(b, ops.mul(a, 0.1));
    });
    const found = await differences({ loss: second }, { loss: first });
    expect(found.filter((part) => part !== 'gradient')).toEqual([]);
  });

  it.each([
    [
      'layers',
      { model: gpt({ layers: 3, heads: 2, width: 16, context }) },
      ['model', 'initial weights', 'gradient', 'optimizer'],
    ],
    ['dropout', { model: gpt({ layers: 2, heads: 2, width: 16, context, dropout: 0.2 }) }, ['model', 'gradient']],
    ['a schedule', { schedule: cosine({ peak: 0.1, warmupSteps: 6 }) }, ['schedule']],
    ['weight decay', { optimizer: adamW({ weightDecay: 0.2 }) }, ['optimizer']],
    ['momentum that the host computes', { optimizer: adamW({ beta2: 0.9 }) }, ['optimizer']],
    ['a peak', { optimizer: adamW({ peak: 2 }) }, ['optimizer']],
    ['an optimizer', { optimizer: sgd() }, ['optimizer']],
    [
      'groups',
      {
        optimizer: groups({
          matrix: muon({ matches: 'attn.*weight' }),
          rest: adamW({ matches: '^((?!attn.*weight).)*$' }),
        }),
      },
      ['optimizer'],
    ],
    ['a loss', { loss: lossOf((logits, targets) => ops.crossEntropy(logits, targets).mul(2)) }, ['loss', 'gradient']],
    ['a metric', { loss: lossOf(ops.crossEntropy, (logits) => ops.mean(logits)) }, ['metrics']],
    ['the rounding of gradients', { wire: 'bf16' }, ['gradient']],
  ] as const)('has %s among its parts', async (_, change, parts) => {
    const from = 'loss' in change ? { loss: lossOf(ops.crossEntropy) } : {};
    expect(await differences(change as Partial<RunOptions>, from)).toEqual(parts);
  });

  it('has initial weights, apart from the model', async () => {
    const filled = (value: number): Partial<RunOptions> => ({
      model: own({ initial: ([rows, columns]) => new Float32Array(rows! * columns!).fill(value) }),
    });
    expect(await differences({ model: own({ initial: { std: 0.2 } }) }, { model: own() })).toEqual(['initial weights']);
    expect(await differences(filled(1), filled(1))).toEqual([]);
    expect(await differences(filled(2), filled(1))).toEqual(['initial weights']);
  });

  it('has the kernels of ops that somebody brings, but not their comments', async () => {
    const brought = (factor: string, comment = '') => {
      const text = `${comment}
        struct Params { size: u32 }
        @group(0) @binding(0) var<uniform> params: Params;
        @group(0) @binding(1) var<storage, read> x: array<f32>;
        @group(0) @binding(2) var<storage, read_write> y: array<f32>;
        @compute @workgroup_size(64)
        fn main(@builtin(global_invocation_id) id: vec3u) { if (id.x < params.size) { y[id.x] = x[id.x] * ${factor}; } }`;
      const scale = kernel(text, { name: 'scale' });
      const op = defineOp<[Tensor]>({
        name: 'scale',
        shape: ([x]) => x,
        forward: (device, [x], y) => device.run(scale, { x, y }, { size: x.size }, [Math.ceil(x.size / 64)]),
        gradient: ({ dy }) => [ops.mul(dy, 2)],
      });
      return own({ activation: (x) => op(x) });
    };
    expect(await differences({ model: brought('2.0', '// doubles') }, { model: brought('2.0') })).toEqual([]);
    expect(await differences({ model: brought('3.0') }, { model: brought('2.0') })).toEqual(['model', 'gradient']);
  });

  it('has derivatives that somebody writes', async () => {
    const brought = (factor: number) => {
      const op = defineOp<[Tensor]>({
        name: 'same',
        shape: ([x]) => x,
        forward: (device, [x], y) => device.copy(x, y),
        gradient: ({ dy }) => [ops.mul(dy, factor)],
      });
      return own({ activation: (x) => op(x) });
    };
    expect(await differences({ model: brought(2) }, { model: brought(1) })).toEqual(['gradient']);
  });

  it('has the kernels of an optimizer that somebody brings', async () => {
    const brought = (factor: string) => {
      const text = `struct Params { size: u32, first: u32 }
        @group(0) @binding(0) var<uniform> params: Params;
        @group(0) @binding(1) var<storage, read_write> weight: array<f32>;
        @group(0) @binding(2) var<storage, read> gradient: array<f32>;
        @compute @workgroup_size(64)
        fn main(@builtin(global_invocation_id) id: vec3u) { weight[id.x] -= ${factor} * gradient[id.x]; }`;
      const step = kernel(text);
      return defineOptimizer({
        name: 'own',
        update: ({ weight, gradient }, { rate }) => ({ weight: weight.sub(gradient.mul(rate)) }),
        fused: (device, { weight, gradient }, _, { size, block }) =>
          device.run(step, { weight, gradient }, { size, first: 64 * block }, device.grid(size / 64)),
      })();
    };
    expect(await differences({ optimizer: brought('0.1') }, { optimizer: brought('0.1') })).toEqual([]);
    expect(await differences({ optimizer: brought('0.2') }, { optimizer: brought('0.1') })).toEqual(['optimizer']);
  });

  it('has the numbers of the planned steps of a schedule, so that more may follow', async () => {
    const run = defineRun({ ...options, schedule: constant({ peak: 0.1, warmupSteps: 5 }) });
    const longer = defineRun({ ...options, schedule: run.schedule, steps: 200 });
    expect(await scheduleSha256(longer, 100)).toBe((await of(run)).schedule);
    expect((await of(longer)).schedule).not.toBe((await of(run)).schedule);
    await expect(scheduleSha256(run, 2 ** 50)).resolves.toMatch(/^[0-9a-f]{64}$/);
  });

  it('has the numbers that an optimizer computes for its steps', async () => {
    const optimizer = (factor: (step: number) => number) =>
      defineOptimizer({
        name: 'own',
        numbers: (_, step) => ({ factor: factor(step) }),
        update: ({ weight, gradient }, { rate, factor: own }) => ({ weight: weight.sub(gradient.mul(rate).mul(own)) }),
      })();
    const before = { optimizer: optimizer((step) => 1 / step) };
    expect(await differences({ optimizer: optimizer((step) => 1 / (2 * step - step)) }, before)).toEqual([]);
    expect(await differences({ optimizer: optimizer((step) => 1 / Math.min(step, 3)) }, before)).toEqual(['optimizer']);
  });

  it('has what an update of somebody’s own computes', async () => {
    const optimizer = (rule: (gradient: Tensor) => Tensor) =>
      defineOptimizer({
        name: 'own',
        update: ({ weight, gradient }, { rate }) => ({ weight: weight.sub(rule(gradient).mul(rate)) }),
      })();
    expect(await differences({ optimizer: optimizer((x) => ops.sign(x)) }, { optimizer: optimizer(ops.sign) })).toEqual(
      [],
    );
    expect(await differences({ optimizer: optimizer(ops.tanh) }, { optimizer: optimizer(ops.sign) })).toEqual([
      'optimizer',
    ]);
  });
});

it.each([
  [
    'a model whose weights begin otherwise',
    { model: own({ initial: ([rows, columns]) => new Float32Array(rows! * columns!).fill(Math.random()) }) },
    /^own: expected the same initial weights each time .* got other numbers the second time/,
  ],
  [
    'a model',
    { model: own({ activation: (x) => ops.mul(x, Math.random()) }) },
    /^own: expected the same model each time .*“mul .*”, then “mul /,
  ],
  [
    'a loss',
    { loss: lossOf((logits, targets) => ops.crossEntropy(logits, targets).mul(Math.random())) },
    /^loss: expected the same loss each time .*hint/s,
  ],
  [
    'an optimizer',
    {
      optimizer: defineOptimizer({
        name: 'restless',
        update: ({ weight, gradient }, { rate }) => ({ weight: weight.sub(gradient.mul(rate).mul(Math.random())) }),
      })(),
    },
    /^restless: expected the same optimizer each time/,
  ],
] as const)('%s that is another when it is recorded again is refused by name', async (_, change, message) => {
  await expect(of(defineRun({ ...options, loss: nextToken(), ...change }))).rejects.toThrow(message);
});
