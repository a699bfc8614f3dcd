// Files of strangers, changed at random: whatever stands in a header, an index, a config, a manifest or a record, reading it gives a result
// or one line with a code, and takes no more memory than the file is worth.
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  bytes,
  createModel,
  decodeSafetensors,
  encodeSafetensors,
  gpt,
  llama,
  type TensorMap,
  tokenizerFromJSON,
} from '@lockstep/nn';
import { fromPretrained, loadTokenizer } from '@lockstep/nn/node';
import { constant, defineRun, gpt as gptOf, sgd, text } from 'lockstep';
import { loadCheckpoint, readRunRecord, saveCheckpoint, storedSettings, writeRunRecord } from '@lockstep/trainer/node';
import fc from 'fast-check';
import { bpeJSON } from '../packages/nn/src/tokenizers/bpe-json.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';

/** The same changes every time: what fails once fails again. */
const seed = 1;
const numRuns = 3000;

const sizes = { layers: 1, heads: 2, width: 8, context: 4, vocab: 256 };
const models = { gpt: createModel(gpt(sizes)), llama: createModel(llama(sizes)) };

function weightsOf(model: (typeof models)['gpt']): TensorMap {
  return new Map(
    model.parameters.map(({ name, shape }) => {
      const size = shape.reduce((product, length) => product * length, 1);
      return [name, { shape, data: new Float32Array(size).fill(0.5) }];
    }),
  );
}

/** What one does not expect in JSON. */
const oddity: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(null, true, -1, 0, 1.5, 1e9, 2 ** 31, 2 ** 53, 1e300, '', '..', '../x', '/dev/zero', [], {}),
  fc.constantFrom<unknown>('a'.repeat(10_000), Array(1000).fill(0), { length: 1e9 }, '\u009b31m\n', '__proto__', 'NaN'),
  fc.jsonValue({ maxDepth: 3 }),
);

/** One change at a random place of a value: another value there, a name gone, or one more. */
const change = fc.record({
  path: fc.array(fc.nat(40), { maxLength: 5 }),
  kind: fc.constantFrom('replace', 'remove', 'add'),
  name: fc.oneof(fc.constantFrom('__proto__', 'constructor', '../up', '', 'auto_map'), fc.string({ maxLength: 5 })),
  value: oddity,
});
type Change = typeof change extends fc.Arbitrary<infer T> ? T : never;

function changed(value: unknown, { path, kind, name, value: odd }: Change): unknown {
  const [step, ...rest] = path;
  if (step === undefined || typeof value !== 'object' || value === null) return odd;
  const entries = Object.entries(value);
  const at = step % Math.max(1, entries.length);
  const next = entries.flatMap(([key, inner], i): [string, unknown][] => {
    if (i !== at) return [[key, inner]];
    if (rest.length > 0) return [[key, changed(inner, { path: rest, kind, name, value: odd })]];
    return kind === 'remove'
      ? []
      : kind === 'add'
        ? [
            [key, inner],
            [name, odd],
          ]
        : [[key, odd]];
  });
  return Array.isArray(value) ? next.map(([, inner]) => inner) : Object.fromEntries(next);
}

/** A text of JSON with a few changes to what it says, or to its characters. */
function mutant(json: string): fc.Arbitrary<string> {
  const structure = fc
    .array(change, { minLength: 1, maxLength: 3 })
    .map((changes) => JSON.stringify(changes.reduce(changed, JSON.parse(json) as unknown)));
  const characters = fc
    .array(fc.tuple(fc.nat(json.length), fc.string({ maxLength: 3 }), fc.nat(3)), { minLength: 1, maxLength: 4 })
    .map((edits) => edits.reduce((text, [at, put, cut]) => text.slice(0, at) + put + text.slice(at + cut), json));
  return fc.oneof({ weight: 3, arbitrary: structure }, { weight: 1, arbitrary: characters });
}

/** Whether a reading ended as one may: with a result, or with one line that has a code. */
async function isHeld(reading: () => unknown): Promise<boolean> {
  try {
    await reading();
  } catch (error) {
    const { code, message } = error as Error & { code?: string };
    expect(['CONFIG', 'CHECKPOINT']).toContain(code);
    expect(message.split('\nhint: ')[0]).not.toContain('\n');
    expect(message.length).toBeLessThan(2000);
  }
  return true;
}

async function fuzz(json: string, reading: (text: string) => unknown, runs: number = numRuns): Promise<void> {
  const property = fc.asyncProperty(mutant(json), async (text) => void (await isHeld(() => reading(text))));
  await fc.assert(property, { numRuns: runs, seed });
}

let folder = '';
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'lockstep-fuzz-'))));
afterAll(() => rm(folder, { recursive: true }));

const minutes = 60_000;

test.each(['gpt', 'llama'] as const)(
  'config.json of a %s',
  async (kind) => {
    const path = join(folder, kind);
    await cp(new URL('fixtures/gpt2-tiny', import.meta.url), path, { recursive: true });
    await writeFile(join(path, 'model.safetensors'), encodeSafetensors(weightsOf(models[kind])));
    await fuzz(JSON.stringify(models[kind].config()), async (text) => {
      await writeFile(join(path, 'config.json'), text);
      return fromPretrained(path);
    });
  },
  10 * minutes,
);

test(
  'the header of a safetensors file',
  async () => {
    const whole = encodeSafetensors(weightsOf(models.gpt), { format: 'pt', step: '3' });
    const length = Number(new DataView(whole.buffer).getBigUint64(0, true));
    const data = whole.subarray(8 + length);
    await fuzz(new TextDecoder().decode(whole.subarray(8, 8 + length)), (text) => {
      const json = new TextEncoder().encode(text);
      const prefix = new Uint8Array(BigUint64Array.of(BigInt(json.length)).buffer);
      const tensors = decodeSafetensors(Buffer.concat([prefix, json, data]), { unsupported: 'skip' });
      const held = [...tensors.values()].reduce((sum, tensor) => sum + tensor.data.byteLength, 0);
      expect(held).toBeLessThanOrEqual(2 * data.length);
    });
  },
  10 * minutes,
);

test(
  'model.safetensors.index.json',
  async () => {
    const path = join(folder, 'shards');
    await cp(new URL('fixtures/gpt2-tiny', import.meta.url), path, { recursive: true });
    await rm(join(path, 'model.safetensors'));
    await writeFile(join(path, 'config.json'), JSON.stringify(models.gpt.config()));
    const tensors = [...weightsOf(models.gpt)];
    const names = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'];
    for (const [turn, name] of names.entries())
      await writeFile(join(path, name), encodeSafetensors(tensors.filter((_, i) => i % 2 === turn)));
    const weight_map = Object.fromEntries(tensors.map(([name], i) => [name, names[i % 2]]));
    await fuzz(JSON.stringify({ metadata: { total_size: 1 }, weight_map }), async (text) => {
      await writeFile(join(path, 'model.safetensors.index.json'), text);
      return fromPretrained(path);
    });
  },
  10 * minutes,
);

test(
  'state.json of a checkpoint',
  async () => {
    const weights = weightsOf(models.gpt);
    const state = { step: 3, weights, optimizer: new Map([['mean', weights]]) };
    const path = await saveCheckpoint(join(folder, 'checkpoints'), state, {
      run: 'a run',
      keep: 1,
      model: { config: models.gpt.config(), tokenizer: bytes() },
    });
    const manifest = join(path, 'state.json');
    await fuzz(await readFile(manifest, 'utf8'), async (text) => {
      await writeFile(manifest, text);
      return loadCheckpoint(path, { run: 'a run' });
    });
  },
  10 * minutes,
);

/** A tokenizer with something of each part. */
const tokenizer = JSON.stringify({
  ...bpeJSON({
    vocab: { a: 0, b: 1, ab: 2 },
    merges: ['a b'],
    preTokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
  }),
  normalizer: { type: 'NFC' },
  added_tokens: [
    { id: 3, content: '<end>', single_word: false, lstrip: false, rstrip: false, normalized: false, special: true },
  ],
});

test(
  'tokenizer.json, as a page reads it',
  () => fuzz(tokenizer, async (text) => tokenizerFromJSON(parsed(text)).encode('abab')),
  10 * minutes,
);

test(
  'tokenizer.json, as Node reads it, in processes that may abort',
  async () => {
    const path = join(folder, 'tokenizer.json');
    const limits = { secondsToOpen: 5, seconds: 5 };
    await fuzz(
      tokenizer,
      async (json) => {
        await writeFile(path, json);
        return (await loadTokenizer(path, { limits })).encode('abab');
      },
      150,
    );
  },
  10 * minutes,
);

/** JSON that is none is refused before it comes to a reader. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}

test(
  'run.json',
  async () => {
    const run = defineRun({
      name: 'fuzz',
      model: gptOf(sizes),
      data: text('./a.txt', { tokenizer: 'bytes' }),
      optimizer: sgd(),
      schedule: constant({ peak: 0.1 }),
      batch: 8,
      steps: 10,
    });
    const path = join(folder, 'run.json');
    const launch = { at: '2026-11-26', workers: 2, fromStep: 0, adapter: 'one', versions: { node: '20' } };
    await writeRunRecord(path, {
      run: storedSettings(run),
      file: 'run.ts',
      overrides: ['steps=10'],
      launches: [launch],
    });
    await fuzz(await readFile(path, 'utf8'), async (text) => {
      await writeFile(path, text);
      return readRunRecord(path);
    });
  },
  10 * minutes,
);
