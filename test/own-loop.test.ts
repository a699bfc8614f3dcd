// Loops of one's own: what a script may write between two steps, and what it is told where it does it wrong.
import { createGroup, type Group, memoryBridge } from '@lockstep/collectives';
import { TrainedModel } from '@lockstep/trainer';
import {
  adamW,
  defineModel,
  type ForwardInputs,
  frozen,
  type KeptState,
  layers,
  type Losses,
  type ModelFunctions,
  ops,
  sgd,
  Trainer,
  weightsSha256,
} from 'lockstep';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Finished, run, scriptFolder } from './cli.ts';
import { device } from './gpu.ts';

const alone = (): Group => createGroup(memoryBridge(1).transports[0]!);

const line = defineModel({
  name: 'line',
  create() {
    const map = layers.linear(3, 2, { initial: { std: 1 } });
    return { parameters: { map }, logits: ({ x }: ForwardInputs) => map(x!) };
  },
});

const numbers = (count: number, from: number): Float32Array<ArrayBuffer> =>
  Float32Array.from({ length: count }, (_, i) => Math.sin(i + from));

const rowsOf = (step: number, count = 8) => ({ x: numbers(3 * count, step), y: numbers(2 * count, step + 1) });

const squares = (model: ModelFunctions, inputs: ForwardInputs): Losses => ({
  loss: ops.mse(model.logits(inputs), inputs['y']!),
});

const simple = { model: line({}), optimizer: sgd(), loss: squares, batch: 8 } as const;

type Options = ConstructorParameters<typeof Trainer>[0];

/** A trainer that stores nothing. */
const trainerOf = (options: object = {}, group = alone()): Trainer =>
  new Trainer({ ...simple, ...options } as Options, { group, device });

async function take(
  trainer: Trainer,
  count: number,
  { rate = 0.1, rows = rowsOf }: { rate?: number | Record<string, number>; rows?: typeof rowsOf } = {},
): Promise<number[]> {
  const losses: number[] = [];
  for await (const step of trainer.steps(count)) losses.push((await step.take(rows(step.number), { rate })).loss);
  return losses;
}

test('a loop takes steps on rows of the script’s own, learns, and evaluates', async () => {
  const trainer = trainerOf();
  const losses = await take(trainer, 8, { rows: () => rowsOf(1) });
  expect(losses).toHaveLength(8);
  expect(losses.at(-1)).toBeLessThan(0.7 * losses[0]!);
  expect(trainer.taken).toBe(8);
  const { loss } = await trainer.evaluate([rowsOf(1), rowsOf(1)]);
  expect(loss).toBeLessThan(losses.at(-1)!);
});

test('two workers, and three, have the weights of one, though each has only a part of the rows’ gradients', async () => {
  const trainAll = (size: number): Promise<string[]> =>
    Promise.all(
      memoryBridge(size).transports.map(async (transport) => {
        const trainer = trainerOf({ state: { best: Infinity } }, createGroup(transport));
        for await (const step of trainer.steps(3)) {
          const { loss } = await step.take(rowsOf(step.number), { rate: 0.1 });
          (trainer.state as { best: number }).best = loss;
        }
        return trainer.sha256();
      }),
    );
  const [one] = await trainAll(1);
  expect(new Set([...(await trainAll(2)), ...(await trainAll(3))])).toEqual(new Set([one]));
});

test('one of several models is judged by way of another that does not learn from it', async () => {
  const models = { maker: line({}), critic: line({}) };
  type Both = Record<keyof typeof models, ModelFunctions>;
  const parts = ({ maker, critic }: Both, { x, y }: ForwardInputs) => {
    const made = ops.concat([maker.logits({ x: x! }), y!], { axis: -1 }).slice({ axis: -1, end: 3 }); // (B, 3)
    return {
      ofMaker: ops.mean(frozen(() => critic.logits({ x: made }))),
      ofCritic: ops.mse(critic.logits({ x: ops.detach(made) }), y!),
    };
  };
  const weights = async (loss: (models: Both, inputs: ForwardInputs) => Losses): Promise<Map<string, number[]>> => {
    const trainer = trainerOf({ model: models, optimizer: sgd({ momentum: 0 }), loss });
    await take(trainer, 1);
    return new Map(Array.from(await trainer.weights(), ([name, { data }]) => [name, [...data]]));
  };
  const weighing = (maker: number, critic: number) =>
    weights((all, inputs) => {
      const { ofMaker, ofCritic } = parts(all, inputs);
      return { loss: [ofMaker.mul(maker), ofCritic.mul(critic)] };
    });
  const [both, critic, maker] = [await weighing(1, 1), await weighing(0, 1), await weighing(1, 0)];
  expect([...both.keys()].toSorted()).toEqual([
    'critic.map.bias',
    'critic.map.weight',
    'maker.map.bias',
    'maker.map.weight',
  ]);
  for (const [name, own] of both) expect(own, name).toEqual((name.startsWith('critic') ? critic : maker).get(name));
  expect(both.get('maker.map.weight')).not.toEqual(critic.get('maker.map.weight'));
});

test('each of several models has an optimizer and a rate of its own', async () => {
  const models = { first: line({}), second: line({}) };
  const loss = ({ first, second }: Record<string, ModelFunctions>, inputs: ForwardInputs): Losses => ({
    loss: [squares(first!, inputs).loss, squares(second!, inputs).loss].flat(),
  });
  const trainer = trainerOf({ model: models, optimizer: { first: adamW(), second: sgd() }, loss });
  await take(trainer, 1, { rate: { first: 0, second: 0 } });
  const before = await trainer.weights();
  await take(trainer, 2, { rate: { first: 0, second: 0.1 } });
  const after = await trainer.weights();
  expect(after.get('first.map.weight')).toEqual(before.get('first.map.weight'));
  expect(after.get('second.map.weight')).not.toEqual(before.get('second.map.weight'));
  await expect(take(trainer, 3, { rate: { first: 1, third: 1 } })).rejects.toThrow(
    'rate: expected one for each group of the optimizer (first, second), got one for third',
  );
});

test('a trained model teaches inside a loss, and does not learn', async () => {
  const teacher = new TrainedModel({
    device,
    model: line({}),
    facts: {},
    weights: new Map([
      ['map.weight', { shape: [2, 3], data: numbers(6, 40) }],
      ['map.bias', { shape: [2], data: numbers(2, 50) }],
    ]),
  });
  const loss = (model: ModelFunctions, { x }: ForwardInputs): Losses => ({
    loss: ops.mse(model.logits({ x: x! }), teacher.logits({ x: x! })),
  });
  const known = trainerOf({ loss, weights: await teacher.parameters.read() });
  expect(await take(known, 1)).toEqual([0]);
  const trainer = trainerOf({ loss });
  const losses = await take(trainer, 30, { rows: () => rowsOf(3) });
  expect(losses.at(-1)).toBeLessThan(0.2 * losses[0]!);
  expect(Array.from((await teacher.parameters.read()).get('map.weight')!.data)).toEqual([...numbers(6, 40)]);
});

test('the hash is that of the weights; what the script keeps belongs to it', async () => {
  const [plain, keeping, other] = [{}, { best: Infinity }, { best: -Infinity }].map((state) => trainerOf({ state }));
  const hashes = await Promise.all(
    [plain!, keeping!, other!].map(async (trainer) => {
      await take(trainer, 1);
      return trainer.sha256();
    }),
  );
  expect(hashes[0]).toBe(await weightsSha256(await plain!.weights()));
  expect(new Set(hashes).size).toBe(3);
});

test.each<[string, KeptState, string]>([
  ['a function', { next: () => 1 }, 'trainer.state.next: expected a plain value, got a function'],
  ['a map', { a: [{ b: new Map() }] }, 'trainer.state.a[0].b: expected a plain value, got a Map'],
  ['a date', { when: new Date(0) }, 'trainer.state.when: expected a plain value, got a Date'],
])('%s cannot be kept, and is named by its path', async (_, state, message) => {
  const trainer = trainerOf();
  await take(trainer, 1);
  Object.assign(trainer.state, state);
  await expect(trainer.sha256()).rejects.toThrow(message);
});

test.each<[string, object, string]>([
  [
    'a batch that shards do not divide',
    { batch: 6, shards: 4 },
    'createTrainer: expected a batch that is a multiple of 4 shards, got 6',
  ],
  [
    'shards that are no power of two',
    { batch: 6, shards: 3 },
    'createTrainer: expected shards to be a power of two, got 3',
  ],
  ['no model', { model: {} }, 'createTrainer: model: expected a model, such as gpt({ … }), got nothing'],
  [
    'a model that is none',
    { model: { critic: 7 } },
    'createTrainer: model.critic: expected a model, such as gpt({ … }), got number',
  ],
  [
    'an optimizer too few',
    { model: { a: line({}), b: line({}) }, optimizer: { a: sgd() } },
    'createTrainer: optimizer: expected one optimizer, or one for each of a, b, got none for b',
  ],
  [
    'a loss that is none',
    { loss: 7 },
    'createTrainer: loss: expected a function, or a loss such as nextToken(), got number',
  ],
])('%s is refused when the trainer is made', (_, options, message) => {
  expect(() => trainerOf(options)).toThrow(message);
});

test('what a loop does wrong is said at the step where it does', async () => {
  const once = trainerOf();
  const twice = async (): Promise<void> => {
    for await (const step of once.steps(2)) {
      await step.take(rowsOf(1), { rate: 0.1 });
      await step.take(rowsOf(1), { rate: 0.1 });
    }
  };
  await expect(twice()).rejects.toThrow('take: expected one call for step 1, got a second one');
  const idle = async (): Promise<void> => {
    for await (const step of trainerOf().steps(2)) expect(step.number).toBe(1);
  };
  await expect(idle()).rejects.toThrow('steps: expected step 1 to be taken, got a loop that goes on without');
  await expect(take(trainerOf(), 0)).rejects.toThrow('steps: expected a whole number of steps from 1, got 0');
  await expect(take(trainerOf(), 1, { rate: NaN })).rejects.toThrow(
    'expected a finite learning rate for step 1, got NaN',
  );
  await expect(trainerOf().sha256()).rejects.toThrow('trainer: expected a step to be taken first, got none');
  const changing = (step: number) => rowsOf(step, step === 1 ? 8 : 16);
  await expect(take(trainerOf(), 2, { rows: changing })).rejects.toThrow(
    'take: expected rows of x [3] of f32, y [2] of f32, as in the first step, got x [6] of f32, y [4] of f32',
  );
  const ragged = (step: number) => ({ ...rowsOf(step), x: numbers(25, 0) });
  await expect(take(trainerOf(), 1, { rows: ragged })).rejects.toThrow(
    'take: x: expected a multiple of 8 elements, as many for each row of the batch, got 25',
  );
});

test.each<[string, (rank: number) => { rate?: number; rows?: typeof rowsOf }, RegExp]>([
  [
    'rows',
    (rank) => ({ rows: (step) => rowsOf(step + rank) }),
    /expected batch of step 1 to be the same on every worker, got another on rank 1$/m,
  ],
  [
    'rates',
    (rank) => ({ rate: 0.1 + rank }),
    /expected rate of step 1 to be the same on every worker, got another on rank 1$/m,
  ],
])('workers that give other %s are told so by their ranks', async (_, wrongly, message) => {
  const endings = memoryBridge(2).transports.map((transport, rank) =>
    take(trainerOf({}, createGroup(transport)), 1, wrongly(rank)),
  );
  for (const ending of endings) await expect(ending).rejects.toThrow(message);
});

const otherLoss = `
import { ops } from 'lockstep';
export const loss = (model, { targets, ...inputs }) => ({ loss: ops.crossEntropy(model.logits(inputs), targets).mul(2) });
`;

const script = `
import { adamW, constant, createTrainer, defineRun, gpt, join, openDataset, text, train } from 'lockstep';
const job = await join();
const data = await openDataset(text('few.txt', { tokenizer: 'characters', validation: 0.2 }), job);
const trainer = await createTrainer(job, {
  model: gpt({ layers: 1, heads: 1, width: 8, context: 8 }),
  optimizer: adamW(),
  batch: 8,
  state: { best: Infinity, seen: [] },
  checkpoint: { every: 2 },
  loss: process.argv[3] === 'other' ? (await import('./other.mjs')).loss : undefined,
});
const count = Number(process.argv[2]);
if (job.rank === 0) console.log('from', trainer.taken, trainer.state.best, trainer.state.seen.join());
for await (const step of trainer.steps(count)) {
  const { loss } = await step.take(data.batch(step.number), { rate: 0.01 });
  trainer.state.best = Math.min(trainer.state.best, loss);
  trainer.state.seen.push(step.number);
}
console.log('hash', await trainer.sha256());
`;

test(
  'a script stores what its trainer has reached, and goes on from it on other workers to the same bits',
  { timeout: 120_000 },
  async () => {
    const [whole, parts] = [scriptFolder(script), scriptFolder(script)];
    for (const cwd of [whole, parts]) {
      writeFileSync(join(cwd, 'few.txt'), 'tides come and go. '.repeat(40));
      writeFileSync(join(cwd, 'other.mjs'), otherLoss);
    }
    const hashOf = ({ stdout, stderr, code }: Finished): string => {
      expect(code, stderr).toBe(0);
      const hashes = new Set(stdout.match(/(?<=hash )[0-9a-f]{64}/g));
      expect(hashes.size).toBe(1);
      return [...hashes][0]!;
    };
    const expected = hashOf(await run(['run', 'script.mjs', '--', '5'], { cwd: whole }));
    hashOf(await run(['run', 'script.mjs', '-w', '2', '--', '3'], { cwd: parts }));
    expect(readdirSync(join(parts, 'runs/script/checkpoints'))).toEqual(['step-000002', 'step-000003']);
    const other = await run(['run', 'script.mjs', '--resume', '--', '5', 'other'], { cwd: parts });
    expect([other.code, other.stderr]).toEqual([
      2,
      expect.stringMatching(/--resume: expected the loss that runs\/script was begun with, got another\nhint: --force/),
    ]);
    const resumed = await run(['run', 'script.mjs', '-w', '3', '--resume', '--', '5'], { cwd: parts });
    expect(resumed.stdout).toMatch(/from 3 \d\.\d+ 1,2,3/);
    expect(hashOf(resumed)).toBe(expected);
    expect(readdirSync(join(parts, 'runs/script')).toSorted()).toEqual([
      'checkpoints',
      'loss.svg',
      'metrics.jsonl',
      'model',
      'run.json',
    ]);
    const again = await run(['run', 'script.mjs', '--resume', '--', '5'], { cwd: parts });
    expect(hashOf(again)).toBe(expected);
  },
);
