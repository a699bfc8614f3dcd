// Model directories as they come: from Hugging Face with what else their files hold, from our own trainer, and broken.
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bytes, createModel, decodeSafetensors, gpt, llama, type ModelValue, Parameters } from '@lockstep/nn';
import { fromPretrained, loadTokenizer } from '@lockstep/nn/node';
import { saveModel } from '@lockstep/trainer/node';
import { describe, expect, test } from 'vitest';
import { folder } from './cli.ts';
import { device } from './gpu.ts';

const fixture = (name: string): string => fileURLToPath(new URL(`fixtures/${name}`, import.meta.url));
const tiny = fixture('gpt2-tiny');

/** A tensor as a file holds it. */
interface Stored {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

const asBytes = (data: Float32Array | Uint16Array): Uint8Array =>
  new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

const storedIn = (directory: string): Stored[] =>
  [...decodeSafetensors(readFileSync(join(directory, 'model.safetensors')))].map(([name, { shape, data }]) => ({
    name,
    dtype: 'F32',
    shape,
    data: asBytes(data),
  }));

function writeSafetensors(directory: string, tensors: readonly Stored[]): void {
  let end = 0;
  const entries = tensors.map(({ name, dtype, shape, data }) => {
    const begin = end;
    end += data.length;
    return [name, { dtype, shape, data_offsets: [begin, end] }];
  });
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)));
  const length = new Uint8Array(new BigUint64Array([BigInt(json.length)]).buffer);
  writeFileSync(
    join(directory, 'model.safetensors'),
    Buffer.concat([length, json, ...tensors.map(({ data }) => data)]),
  );
}

/** A copy of a fixture with some of it changed. */
function variant({
  of = tiny,
  config = {},
  tensors,
}: {
  of?: string;
  config?: object;
  tensors?: (stored: Stored[]) => Stored[];
}): string {
  const directory = folder();
  const original = JSON.parse(readFileSync(join(of, 'config.json'), 'utf8')) as object;
  writeFileSync(join(directory, 'config.json'), JSON.stringify({ ...original, ...config }));
  if (tensors) writeSafetensors(directory, tensors(storedIn(of)));
  else copyFileSync(join(of, 'model.safetensors'), join(directory, 'model.safetensors'));
  return directory;
}

const renamed =
  (from: RegExp, to: string) =>
  (stored: Stored[]): Stored[] =>
    stored.map((tensor) => ({ ...tensor, name: tensor.name.replace(from, to) }));

describe('takes', () => {
  test.each([
    ['GPT-2', tiny, /^transformer\./],
    ['Llama', fixture('llama-tiny'), /^model\./],
  ])('the names of a %s without its head', async (_, of, prefix) => {
    const directory = variant({ of, tensors: renamed(prefix, '') });
    expect(await fromPretrained(directory)).toEqual(await fromPretrained(of));
  });

  test('what files hold beside the parameters: masks of any type, a copy of the tied head', async () => {
    const mask = (name: string, dtype: string, width: number): Stored => ({
      name,
      dtype,
      shape: [1, 1, 16, 16],
      data: new Uint8Array(256 * width).fill(1),
    });
    const extra = [
      mask('h.0.attn.bias', 'BOOL', 1),
      mask('h.1.attn.bias', 'F32', 4),
      mask('transformer.h.0.attn.bias', 'U8', 1),
      mask('transformer.h.1.attn.masked_bias', 'I64', 8),
    ];
    const tied = (stored: Stored[]): Stored => ({
      ...stored.find(({ name }) => name === 'transformer.wte.weight')!,
      name: 'lm_head.weight',
    });
    const directory = variant({ tensors: (stored) => [...extra, ...stored, tied(stored)] });
    expect(await fromPretrained(directory)).toEqual(await fromPretrained(tiny));
  });

  test.each([
    ['BF16', (half: number) => (half >> 7) & 0xff, (half: number) => (half & 0x7f) / 128, 127],
    ['F16', (half: number) => (half >> 10) & 0x1f, (half: number) => (half & 0x3ff) / 1024, 15],
  ])('weights in %s', async (dtype, exponent, fraction, bias) => {
    // All bit patterns are weights but those of infinities and NaN; the exponent's middle is where weights lie.
    const pattern = (i: number): number => (i * 40503) & (dtype === 'F16' ? 0xbfff : 0xbf7f);
    const halves = (shape: readonly number[]): Uint16Array =>
      Uint16Array.from({ length: shape.reduce((product, n) => product * n, 1) }, (_, i) => pattern(i));
    const value = (half: number): number =>
      (half & 0x8000 ? -1 : 1) *
      (exponent(half) === 0 ? fraction(half) * 2 ** (1 - bias) : (1 + fraction(half)) * 2 ** (exponent(half) - bias));
    const directory = variant({
      tensors: (stored) => stored.map((tensor) => ({ ...tensor, dtype, data: asBytes(halves(tensor.shape)) })),
    });
    for (const [name, { shape, data }] of (await fromPretrained(directory)).weights)
      expect(data, name).toEqual(Float32Array.from(halves(shape), value));
  });

  test('no code that a folder brings along, whatever its config.json says', async () => {
    const code = `globalThis.ranForeignCode = true; throw new Error('run');`;
    const named = { auto_map: { AutoModel: 'evil.Model', AutoConfig: 'evil.mjs' }, custom_pipelines: { x: 'evil' } };
    const directory = variant({ config: { ...named, trust_remote_code: true, tokenizer_class: './evil.mjs' } });
    for (const name of ['evil.mjs', 'evil.js', 'index.js', 'config.mjs', 'tokenizer.js', 'evil.py'])
      writeFileSync(join(directory, name), code);
    writeFileSync(join(directory, 'tokenizer.json'), JSON.stringify(bytes().toJSON()));
    writeFileSync(
      join(directory, 'tokenizer_config.json'),
      JSON.stringify({ ...named, tokenizer_class: './evil.mjs' }),
    );
    expect(await fromPretrained(directory)).toEqual(await fromPretrained(tiny));
    expect(await (await loadTokenizer(directory)).decode([72, 105])).toBe('Hi');
    expect('ranForeignCode' in globalThis).toBe(false);
  });

  test('settings that say what goes without saying', async () => {
    const plain = { n_inner: null, scale_attn_weights: true, scale_attn_by_inverse_layer_idx: false, attn_pdrop: 0.1 };
    expect(await fromPretrained(variant({ config: plain }))).toEqual(await fromPretrained(tiny));
    const of = fixture('llama-tiny');
    const same = { head_dim: 8, rope_scaling: null, pretraining_tp: 1, torch_dtype: 'float32', mlp_bias: false };
    expect(await fromPretrained(variant({ of, config: same }))).toEqual(await fromPretrained(of));
  });

  test('rope_theta where newer files have it', async () => {
    const config = { rope_theta: undefined, rope_parameters: { rope_type: 'default', rope_theta: 500_000 } };
    const { model: description } = await fromPretrained(variant({ of: fixture('llama-tiny'), config }));
    expect(description).toMatchObject({ ropeTheta: 500_000 });
  });
});

describe('gives back bit for bit what the trainer wrote:', () => {
  test.each<[string, ModelValue]>([
    ['GPT', gpt({ layers: 2, heads: 2, width: 24, context: 9, vocab: 256 })],
    ['Llama', llama({ layers: 1, heads: 4, kvHeads: 2, width: 24, hidden: 40, context: 9, vocab: 256, ropeTheta: 77 })],
    ['Llama with a tied head', llama({ layers: 1, heads: 2, width: 12, context: 5, vocab: 300, tiedHead: true })],
  ])('%s', async (_, written) => {
    const model = createModel(written);
    const parameters = new Parameters(device, model);
    parameters.initialize(9);
    const weights = await parameters.read();
    const directory = join(folder(), 'model');
    await saveModel(directory, { config: model.config(), tokenizer: bytes() }, weights);
    const { model: description, weights: read } = await fromPretrained(directory);
    expect(read).toEqual(weights);
    expect(createModel(description).config()).toEqual(model.config());
  });
});

describe('refuses', () => {
  const ofLlama = (config: object) => (): string => variant({ of: fixture('llama-tiny'), config });
  const ofGpt = (config: object) => (): string => variant({ config });
  const without = (file: string) => (): string => {
    const directory = variant({});
    rmSync(join(directory, file));
    return directory;
  };
  const withConfig = (text: string) => (): string => {
    const directory = variant({});
    writeFileSync(join(directory, 'config.json'), text);
    return directory;
  };
  const drop = (lost: string) => (): string =>
    variant({ tensors: (stored) => stored.filter(({ name }) => name !== lost) });
  const retype = (dtype: string) => (): string =>
    variant({ tensors: (stored) => stored.map((tensor, i) => (i === 0 ? { ...tensor, dtype } : tensor)) });

  test.each<[string, () => string, string, RegExp]>([
    ['no config.json', without('config.json'), 'CONFIG', /config\.json: expected a readable file, got ENOENT$/],
    ['no directory', () => join(folder(), 'nix'), 'CONFIG', /nix\/config\.json: expected a readable file, got ENOENT$/],
    [
      'a config.json that is not JSON',
      withConfig('{"model'),
      'CONFIG',
      /config\.json: expected JSON, got a text without end$/,
    ],
    ['a config.json that is a list', withConfig('[]'), 'CONFIG', /config\.json: expected an object, got \[\]$/],
    ['a config.json that is null', withConfig('null'), 'CONFIG', /config\.json: expected an object, got null$/],
    [
      'another architecture',
      ofGpt({ model_type: 'mamba' }),
      'CONFIG',
      /model_type: expected gpt2 or llama, got "mamba"$/,
    ],
    ['a missing size', ofGpt({ n_embd: undefined }), 'CONFIG', /n_embd: expected a whole number above 0, got nothing$/],
    [
      'a billion layers',
      ofGpt({ n_layer: 1e9 }),
      'CONFIG',
      /^config\.json: layers: expected .* from 1 to 4096, got 1000000000$/,
    ],
    ['a billion heads', ofGpt({ n_head: 1e9 }), 'CONFIG', /^config\.json: heads: expected .*, got 1000000000$/],
    ['no heads', ofGpt({ n_head: 0 }), 'CONFIG', /n_head: expected a whole number above 0, got 0$/],
    [
      'an endless context',
      ofLlama({ max_position_embeddings: 2 ** 40 }),
      'CONFIG',
      /^config\.json: context: expected .*, got 1\d+$/,
    ],
    [
      'endless words',
      ofLlama({ vocab_size: 2 ** 52 }),
      'CONFIG',
      /^config\.json: vocab: expected a whole number from 1 to/,
    ],
    [
      'more layers than its file has',
      ofGpt({ n_layer: 4096 }),
      'CHECKPOINT',
      /model\.safetensors: expected a tensor transformer\.h\.2\.ln_1\.weight, got none of that name$/,
    ],
    [
      'a wider model than its file has',
      ofLlama({ hidden_size: 2 ** 17, num_attention_heads: 2 ** 16, num_key_value_heads: 2 ** 16, head_dim: 2 }),
      'CHECKPOINT',
      /: expected model\.embed_tokens\.weight of \[\d+, 131072\], got /,
    ],
    ['a size that is none', ofGpt({ n_layer: 1.5 }), 'CONFIG', /n_layer: expected a whole number above 0, got 1\.5$/],
    [
      'another activation',
      ofGpt({ activation_function: 'relu' }),
      'CONFIG',
      /activation_function: expected .*, got "relu"$/,
    ],
    ['another width inside', ofGpt({ n_inner: 64 }), 'CONFIG', /n_inner: expected null or 4·n_embd \(128\), got 64$/],
    [
      'a head of its own',
      ofGpt({ tie_word_embeddings: false }),
      'CONFIG',
      /tie_word_embeddings: expected true, got false$/,
    ],
    [
      'another epsilon',
      ofGpt({ layer_norm_epsilon: 1e-6 }),
      'CONFIG',
      /layer_norm_epsilon: expected 0\.00001, got 0\.000001$/,
    ],
    [
      'attention scaled by layer',
      ofGpt({ scale_attn_by_inverse_layer_idx: true }),
      'CONFIG',
      /scale_attn_by_inverse_layer_idx: expected false, got true$/,
    ],
    [
      'heads that do not divide',
      ofGpt({ n_head: 3 }),
      'CONFIG',
      /config\.json: width: expected a multiple of heads \(3\), got 32$/,
    ],
    [
      'heads too large',
      ofGpt({ n_head: 1, n_embd: 320 }),
      'CONFIG',
      /at most 256 for each of the 1 heads, got 320 for each$/,
    ],
    [
      'scaled rotary positions',
      ofLlama({ rope_scaling: { rope_type: 'llama3', factor: 8 } }),
      'CONFIG',
      /rope_scaling: expected null, got \{"rope_type":"llama3","factor":8\}$/,
    ],
    [
      'scaled rotary positions of newer files',
      ofLlama({ rope_parameters: { rope_type: 'yarn', rope_theta: 1e4 } }),
      'CONFIG',
      /rope_parameters: rope_type: expected "default", got "yarn"$/,
    ],
    ['biases', ofLlama({ attention_bias: true }), 'CONFIG', /attention_bias: expected false, got true$/],
    [
      'a head size of its own',
      ofLlama({ head_dim: 16 }),
      'CONFIG',
      /head_dim: expected hidden_size \/ num_attention_heads \(8\), got 16$/,
    ],
    [
      'odd heads of a Llama',
      ofLlama({ hidden_size: 12 }),
      'CONFIG',
      /expected an even number per head for rotary positions, got 12 over 4 heads$/,
    ],
    [
      'keys that do not divide the heads',
      ofLlama({ num_key_value_heads: 3 }),
      'CONFIG',
      /kvHeads: expected a divisor of heads \(4\), got 3$/,
    ],
    [
      'no weights',
      without('model.safetensors'),
      'CHECKPOINT',
      /model\.safetensors: expected a readable .*, got ENOENT$/,
    ],
    [
      'a missing tensor',
      drop('transformer.h.1.ln_2.bias'),
      'CHECKPOINT',
      /: expected a tensor transformer\.h\.1\.ln_2\.bias, got none of that name$/,
    ],
    [
      'a tensor of another shape',
      ofGpt({ n_positions: 32 }),
      'CHECKPOINT',
      /: expected transformer\.wpe\.weight of \[32, 32\], got \[16, 32\]$/,
    ],
    [
      'weights that are no floats',
      retype('I32'),
      'CHECKPOINT',
      /: expected F64, F32, F16 or BF16 for "transformer\..*", got I32$/,
    ],
  ])('%s', async (_, make, code, message) => {
    const error = await fromPretrained(make()).then(
      () => undefined,
      (thrown: Error & { code: string }) => thrown,
    );
    expect(error?.message).toMatch(message);
    expect(error?.message).not.toContain('\n');
    expect(error?.code).toBe(code);
  });

  test('a file cut short', async () => {
    const directory = variant({});
    const path = join(directory, 'model.safetensors');
    mkdirSync(directory, { recursive: true });
    writeFileSync(path, readFileSync(path).subarray(0, -4));
    await expect(fromPretrained(directory)).rejects.toMatchObject({ code: 'CHECKPOINT' });
  });
});
