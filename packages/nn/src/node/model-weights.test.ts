// Folders of models as others leave them: one file or several with an index, links, other forms of weights, numbers that are none.
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createModel, gpt } from '../models/index.ts';
import { encodeSafetensors, type TensorToStore } from '../safetensors.ts';
import { formatHeader, type TensorEntry } from '../safetensors-header.ts';
import { fromPretrained } from './from-pretrained.ts';

const model = createModel(gpt({ layers: 1, heads: 1, width: 4, context: 3, vocab: 5 }));
const embedding = 'transformer.wte.weight';

/** Weights that say by their values which they are. */
const weights = new Map(
  model.parameters.map(({ name, shape }, i): [string, TensorToStore] => {
    const size = shape.reduce((product, length) => product * length, 1);
    return [name, { shape, data: Float32Array.from({ length: size }, (_, k) => i + k / 64) }];
  }),
);

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lockstep-model-'));
  await writeFile(join(folder, 'config.json'), JSON.stringify(model.config()));
});
afterEach(() => rm(folder, { recursive: true }));

const put = (name: string, content: Uint8Array | string): Promise<void> => writeFile(join(folder, name), content);

const shardName = (i: number): string => `model-0000${i + 1}-of-00003.safetensors`;

/** Three files, which take the parameters in turns, and what an index says of them. */
function shards(): { files: Map<string, TensorToStore>[]; index: Record<string, string> } {
  const files = [0, 1, 2].map((turn) => new Map([...weights].filter((_, i) => i % 3 === turn)));
  const index = Object.fromEntries(files.flatMap((file, i) => [...file.keys()].map((name) => [name, shardName(i)])));
  return { files, index };
}

async function writeShards({ files, index }: ReturnType<typeof shards>): Promise<void> {
  for (const [i, file] of files.entries()) await put(shardName(i), encodeSafetensors(file));
  const content = { metadata: { total_size: 1 }, weight_map: index };
  await put('model.safetensors.index.json', JSON.stringify(content));
}

async function refusal(): Promise<string> {
  return fromPretrained(folder).then(
    () => 'read',
    ({ code, message }: { code: string; message: string }) => `${code} ${message.replaceAll(folder, '.')}`,
  );
}

describe('weights in several files', () => {
  test('are the same as in one', async () => {
    await put('model.safetensors', encodeSafetensors(weights));
    const whole = await fromPretrained(folder);
    await rm(join(folder, 'model.safetensors'));
    await writeShards(shards());
    const parts = await fromPretrained(folder);
    expect(parts).toEqual(whole);
    expect([...parts.weights.keys()]).toEqual(model.parameters.map(({ name }) => name));
  });

  test('are read through links, as the cache of Hugging Face has them', async () => {
    await writeShards(shards());
    const snapshot = join(folder, 'snapshot');
    await mkdir(snapshot);
    for (const name of ['config.json', 'model.safetensors.index.json', ...[0, 1, 2].map(shardName)])
      await symlink(join('..', name), join(snapshot, name));
    expect(await fromPretrained(snapshot)).toEqual(await fromPretrained(folder));
  });

  test('come second where there is one file, too', async () => {
    await writeShards(shards());
    await rm(join(folder, shardName(1)));
    await put('model.safetensors', encodeSafetensors(weights));
    expect((await fromPretrained(folder)).weights.size).toBe(weights.size);
  });

  type Change = (all: ReturnType<typeof shards>) => Promise<void> | void;
  const first = `./${shardName(0)}`;
  test.each<[string, Change, string]>([
    [
      'a tensor that its file lacks',
      ({ files }) => void files[0]!.delete(embedding),
      `${first}: expected a tensor "${embedding}", as model.safetensors.index.json says, got none of that name`,
    ],
    [
      'a tensor that lies in another file',
      ({ index }) => void (index[embedding] = shardName(2)),
      `./${shardName(2)}: expected a tensor "${embedding}", as model.safetensors.index.json says, got it in ${first}`,
    ],
    [
      'a tensor in two files',
      ({ files }) => void files[1]!.set(embedding, weights.get(embedding)!),
      `./${shardName(1)}: expected each tensor in one file, got "${embedding}", which is in ${first}, too`,
    ],
    [
      'a tensor that no file has, nor the index',
      ({ files, index }) => void (files[0]!.delete(embedding), delete index[embedding]),
      `./model.safetensors.index.json: expected a tensor ${embedding}, got none of that name`,
    ],
    [
      'a tensor of another shape',
      ({ files }) => void files[0]!.set(embedding, { shape: [20], data: weights.get(embedding)!.data }),
      `${first}: expected ${embedding} of [5, 4], got [20]`,
    ],
    [
      'a number that is none',
      ({ files }) => void files[0]!.set(embedding, { shape: [5, 4], data: new Float32Array(20).fill(Infinity, 6) }),
      `${first}: expected finite numbers in "${embedding}", got Infinity at [1, 2]`,
    ],
    ...[
      '../secret.safetensors',
      '/etc/secret.safetensors',
      'a/b.safetensors',
      '..',
      '',
      'a\0.safetensors',
      'x.bin',
    ].map((name): [string, Change, string] => [
      `the file name ${JSON.stringify(name)}`,
      ({ index }) => void (index[embedding] = name),
      `expected a safetensors file of the same folder for "${embedding}", got ${JSON.stringify(name)}`,
    ]),
  ])('are refused with %s', async (_, change, message) => {
    const all = shards();
    await change(all);
    await writeShards(all);
    expect(await refusal()).toMatch(/^CHECKPOINT /);
    expect(await refusal()).toContain(message);
    expect(await refusal()).not.toContain('\n');
  });

  test('are refused with a file missing, by its name', async () => {
    await writeShards(shards());
    await rm(join(folder, shardName(1)));
    expect(await refusal()).toBe(`CHECKPOINT ./${shardName(1)}: expected a readable safetensors file, got ENOENT`);
  });

  test.each([
    ['no JSON', '{', 'expected JSON, got a value without end'],
    ['no object', '[]', 'expected a weight_map of tensors to files, got none'],
    ['no map', '{"weight_map":{"a":1}}', 'expected a weight_map of tensors to files, got none'],
  ])('are refused with an index that is %s', async (_, text, message) => {
    await writeShards(shards());
    await put('model.safetensors.index.json', text);
    expect(await refusal()).toBe(`CHECKPOINT ./model.safetensors.index.json: ${message}`);
  });
});

test.each([
  ['pytorch_model.bin', 'save_pretrained of Transformers'],
  ['pytorch_model-00001-of-00002.bin', 'save_pretrained of Transformers'],
  ['model.gguf', 'save_pretrained of Transformers'],
  ['model-00001-of-00002.safetensors', 'several files need model.safetensors.index.json'],
  ['model.fp16.safetensors', 'and a single one the name model.safetensors'],
])('a folder with %s alone is told what to do', async (name, hint) => {
  await put(name, 'x');
  const [line, more] = (await refusal()).split('\n');
  const rule = 'expected model.safetensors or model.safetensors.index.json';
  expect(line).toBe(`CHECKPOINT .: ${rule}, got "${name}", which is not read`);
  expect(more).toContain(hint);
});

/** A file in which one tensor has another number format, and holds `bytes`. */
function withTensor(name: string, dtype: string, bytes: Uint8Array): Uint8Array {
  let end = 0;
  const parts = [...weights].map(([each, { shape, data }]): [TensorEntry, Uint8Array] => {
    const [type, content] = each === name ? [dtype, bytes] : ['F32', new Uint8Array(data.buffer)];
    const begin = end;
    end += content.length;
    return [{ name: each, dtype: type, shape, begin, end }, content];
  });
  return Buffer.concat([
    formatHeader({ metadata: {}, entries: parts.map(([entry]) => entry) }),
    ...parts.map(([, part]) => part),
  ]);
}

const bias = 'transformer.ln_f.bias'; // (4)
test.each([
  ['F32', Float32Array.of(1, 2, NaN, Infinity), 'NaN at [2]'],
  ['F32', Float32Array.of(-Infinity, 2, 3, 4), '-Infinity at [0]'],
  ['F16', Uint16Array.of(0x3c00, 0x7c00, 0, 0), 'Infinity at [1]'],
  ['F16', Uint16Array.of(0x3c00, 0, 0, 0xfe00), 'NaN at [3]'],
  ['BF16', Uint16Array.of(0x3f80, 0xff80, 0, 0), '-Infinity at [1]'],
  ['F64', Float64Array.of(1, 2, 3, NaN), 'NaN as F32 at [3]'],
  ['F64', Float64Array.of(1, -1e300, 3, 4), '-Infinity as F32 at [1]'],
])('weights of %s with a number that is none are refused: %#', async (dtype, numbers, got) => {
  await put('model.safetensors', withTensor(bias, dtype, new Uint8Array(numbers.buffer)));
  expect(await refusal()).toBe(`CHECKPOINT ./model.safetensors: expected finite numbers in "${bias}", got ${got}`);
});

test('weights in F64 are rounded to F32', async () => {
  const numbers = Float64Array.of(0.1, -0.2, 1e-300, 3e38);
  await put('model.safetensors', withTensor(bias, 'F64', new Uint8Array(numbers.buffer)));
  expect((await fromPretrained(folder)).weights.get(bias)?.data).toEqual(new Float32Array(numbers));
});
