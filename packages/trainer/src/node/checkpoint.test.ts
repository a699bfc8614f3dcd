import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { characters } from '@lockstep/nn';
import { openSafetensors, saveSafetensors } from '@lockstep/nn/node';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { TrainState } from '../state.ts';
import {
  type CheckpointOptions,
  latestCheckpoint,
  listCheckpoints,
  loadCheckpoint,
  type Manifest,
  saveCheckpoint,
} from './checkpoint.ts';

let folder: string;
beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'checkpoint-'))));
afterEach(() => rm(folder, { recursive: true }));

const options: CheckpointOptions = {
  run: 'a run',
  keep: 3,
  model: { config: { model_type: 'gpt2' }, tokenizer: characters('abc') },
};

const tensor = (...values: number[]): { shape: number[]; data: Float32Array<ArrayBuffer> } => ({
  shape: [values.length],
  data: Float32Array.from(values),
});
const stateAt = (step: number): TrainState => ({
  step,
  weights: new Map([
    ['h.0.weight', tensor(step, -0, 1e-45)],
    ['h.0.bias', tensor(0.1)],
  ]),
  optimizer: new Map([
    ['mean', new Map([['h.0.weight', tensor(1, 2, 3)]])],
    ['square', new Map([['h.0.weight', tensor(4, 5, 6)]])],
  ]),
});
const numbersIn = (tensors: TrainState['weights']): Record<string, number[]> =>
  Object.fromEntries(Array.from(tensors, ([name, { data }]) => [name, [...data]]));
const save = (step: number, more: Partial<CheckpointOptions> = {}): Promise<string> =>
  saveCheckpoint(folder, stateAt(step), { ...options, ...more });
const steps = async (): Promise<number[]> => (await listCheckpoints(folder)).map(({ step }) => step);

describe('saveCheckpoint', () => {
  it('gives back the same bits', async () => {
    const { step, weights, optimizer } = await loadCheckpoint(await save(7), { run: 'a run' });
    const bits = (state: TrainState['weights']): unknown =>
      Object.fromEntries(
        Array.from(state, ([name, { shape, data }]) => [name, [shape, Buffer.from(data.buffer).toString('hex')]]),
      );
    expect(step).toBe(7);
    expect(bits(weights)).toEqual(bits(stateAt(7).weights));
    expect([...optimizer.keys()]).toEqual(['mean', 'square']);
    for (const kind of optimizer.keys())
      expect(bits(optimizer.get(kind)!)).toEqual(bits(stateAt(7).optimizer.get(kind)!));
  });

  it('keeps weights that are trained beside those that are to be used, which are the model’s', async () => {
    const used = new Map([
      ['h.0.weight', tensor(8, 9, 10)],
      ['h.0.bias', tensor(0.5)],
    ]);
    const path = await saveCheckpoint(folder, { ...stateAt(7), used }, options);
    const state = await loadCheckpoint(path);
    expect(numbersIn(state.used!)).toEqual(numbersIn(used));
    expect(numbersIn(state.weights)).toEqual(numbersIn(stateAt(7).weights));
    expect([...state.optimizer.keys()]).toEqual(['mean', 'square']);
    const stored = await openSafetensors(join(path, 'model.safetensors'));
    expect((await stored.read('h.0.bias')).data).toEqual(Float32Array.of(0.5));
    await stored.close();
  });

  it('gives back the state of an optimizer that remembers nothing', async () => {
    const path = await saveCheckpoint(folder, { ...stateAt(7), optimizer: new Map() }, options);
    const { optimizer, used } = await loadCheckpoint(path);
    expect([optimizer.size, used]).toEqual([0, undefined]);
  });

  it('is a model folder too', async () => {
    const path = await save(7);
    expect((await readdir(path)).toSorted()).toEqual([
      'config.json',
      'model.safetensors',
      'optimizer.safetensors',
      'state.json',
      'tokenizer.json',
      'tokenizer_config.json',
    ]);
  });

  it('keeps the latest and leaves nothing else behind', async () => {
    for (const step of [100, 200, 300, 400, 1_000_000]) await save(step, { keep: 2 });
    expect(await readdir(folder)).toEqual(expect.arrayContaining(['step-000400', 'step-1000000']));
    expect(await readdir(folder)).toHaveLength(2);
  });

  it.each([
    ['weights', (state: TrainState) => state.weights],
    ["values of the optimizer's square", (state: TrainState) => state.optimizer.get('square')!],
  ])('refuses %s that are not finite, and removes nothing sound for them', async (what, tensorsOf) => {
    for (const step of [100, 200]) await save(step, { keep: 2 });
    const unsound = stateAt(300);
    tensorsOf(unsound).get('h.0.weight')!.data[1] = NaN;
    await expect(saveCheckpoint(folder, unsound, { ...options, keep: 2 })).rejects.toMatchObject({
      code: 'DIVERGED',
      message: `${join(folder, 'step-000300')}: expected finite ${what}, got NaN in h.0.weight[1]`,
    });
    expect(await readdir(folder)).toEqual(['step-000100', 'step-000200']);
  });

  it('removes a link in the place of an older one, and nothing of what it leads to', async () => {
    const outside = await mkdtemp(join(tmpdir(), 'outside-'));
    onTestFinished(() => rm(outside, { recursive: true }));
    await writeFile(join(outside, 'precious'), 'kept');
    for (const name of ['step-000100', '.step-000300.new', '.step-000300.old', '.step-000100.old', '.step-000100.gone'])
      await symlink(outside, join(folder, name));
    for (const step of [200, 300]) await save(step, { keep: 1 });
    expect(await steps()).toEqual([300]);
    expect(await readFile(join(outside, 'precious'), 'utf8')).toBe('kept');
    expect(await readdir(outside)).toEqual(['precious']);
  });

  it('counts among the latest only what came before: a run that begins again from an older one loses nothing newer', async () => {
    for (const step of [100, 200, 300]) await save(step, { keep: 2 });
    await save(250, { keep: 2 });
    expect(await steps()).toEqual([200, 250, 300]);
  });

  it('replaces a checkpoint of the same step', async () => {
    await save(100);
    await saveCheckpoint(folder, { ...stateAt(100), weights: new Map([['h.0.bias', tensor(42)]]) }, options);
    const { weights } = await loadCheckpoint(join(folder, 'step-000100'));
    expect([...weights.keys()]).toEqual(['h.0.bias']);
    expect(await readdir(folder)).toHaveLength(1);
  });

  it('leaves what is there untouched when writing fails half way', async () => {
    const path = await save(100);
    const broken = {
      ...stateAt(100),
      optimizer: new Map([['mean', new Map([['w', { shape: [2], data: new Float32Array(3) }]])]]),
    };
    await expect(saveCheckpoint(folder, broken, options)).rejects.toThrow();
    await expect(saveCheckpoint(folder, { ...broken, step: 200 }, options)).rejects.toThrow();
    expect(await readdir(folder)).toEqual(['step-000100']);
    await expect(loadCheckpoint(path)).resolves.toMatchObject({ step: 100 });
  });

  it('does not see the rest of a write that was killed, and removes it with the next', async () => {
    await rename(await save(100), join(folder, '.step-000200.new'));
    expect(await steps()).toEqual([]);
    await save(200);
    expect(await readdir(folder)).toEqual(['step-000200']);
  });
});

describe('loadCheckpoint', () => {
  const flipBit = async (file: string): Promise<void> => {
    const bytes = await readFile(file);
    bytes[bytes.length - 1]! ^= 1;
    await writeFile(file, bytes);
  };

  const changeFiles = async (path: string, change: (files: object) => object): Promise<void> => {
    const manifest = JSON.parse(await readFile(join(path, 'state.json'), 'utf8')) as { files: object };
    await writeFile(join(path, 'state.json'), JSON.stringify({ ...manifest, files: change(manifest.files) }));
  };
  const pipe = async (file: string): Promise<void> => {
    await rm(file);
    execFileSync('mkfifo', [file]);
  };

  type Damage = [string, (path: string) => Promise<unknown>, RegExp];
  it.each<Damage>([
    [
      'a flipped bit',
      (path) => flipBit(join(path, 'model.safetensors')),
      /step-000007: expected model\.safetensors with sha256 .*…, got .*…$/,
    ],
    [
      'a shorter file',
      (path) => truncate(join(path, 'optimizer.safetensors'), 20),
      /expected optimizer\.safetensors with sha256/,
    ],
    [
      'a missing file',
      (path) => rm(join(path, 'model.safetensors')),
      /expected model\.safetensors with sha256 .*, got no file$/,
    ],
    [
      'a missing manifest',
      (path) => rm(join(path, 'state.json')),
      /state\.json: expected a checkpoint's manifest, got ENOENT$/,
    ],
    [
      'half a manifest',
      (path) => truncate(join(path, 'state.json'), 30),
      /state\.json: expected JSON, got a value without end$/,
    ],
    [
      'a manifest that lists nothing',
      (path) => writeFile(join(path, 'state.json'), '{"format":1,"step":7,"run":"a run","files":{}}'),
      /expected a checkpoint's manifest/,
    ],
    ...['../model.safetensors', '/dev/zero', '..', 'sub/file', ''].map((name): Damage => [
      `a manifest that names the file ${JSON.stringify(name)}`,
      (path) => changeFiles(path, (files) => ({ ...files, [name]: 'a'.repeat(64) })),
      /state\.json: expected a checkpoint's manifest, got something else$/,
    ]),
    [
      'a manifest of a thousand files',
      (path) =>
        changeFiles(path, (files) => ({
          ...files,
          ...Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`${i}`, 'a'.repeat(64)])),
        })),
      /expected a checkpoint's manifest/,
    ],
    [
      'a manifest without end',
      (path) => truncate(join(path, 'state.json'), 2 ** 40),
      /state\.json: expected a checkpoint's manifest, got 1099511627776 bytes, which is more than 65536$/,
    ],
    ['a manifest that is a pipe', (path) => pipe(join(path, 'state.json')), /manifest, got a pipe$/],
    [
      'weights that are a pipe',
      (path) => pipe(join(path, 'model.safetensors')),
      /expected model\.safetensors with sha256 .*, got a pipe$/,
    ],
    [
      'weights that are an endless device',
      async (path) => {
        await rm(join(path, 'model.safetensors'));
        await symlink('/dev/zero', join(path, 'model.safetensors'));
      },
      /expected model\.safetensors with sha256 .*, got a device or socket$/,
    ],
  ])('refuses %s', async (_, damage, message) => {
    const path = await save(7);
    await damage(path);
    await expect(loadCheckpoint(path)).rejects.toMatchObject({
      code: 'CHECKPOINT',
      message: expect.stringMatching(message),
    });
  });

  it('refuses the checkpoint of another run', async () => {
    const path = await save(7);
    await expect(loadCheckpoint(path, { run: 'another' })).rejects.toThrow(
      /expected a checkpoint of this run, got one of another$/,
    );
  });
});

describe('latestCheckpoint', () => {
  it('is the one with most steps', async () => {
    expect(await latestCheckpoint(folder, { run: 'a run' })).toBeUndefined();
    for (const step of [900, 1000, 200]) await save(step);
    expect(await latestCheckpoint(folder, { run: 'a run' })).toMatchObject({ step: 1000 });
  });

  it('names the latest sound one when it is damaged', async () => {
    for (const step of [100, 200, 300]) await save(step);
    for (const step of [200, 300]) await truncate(join(folder, `step-000${step}`, 'model.safetensors'), 5);
    await expect(latestCheckpoint(folder, { run: 'a run' })).rejects.toMatchObject({
      code: 'CHECKPOINT',
      message: expect.stringMatching(
        /step-000300: expected .*\nhint: the latest sound one is .*step-000100; move .*step-000300 away/,
      ),
    });
  });

  it('is refused when it holds NaN, however whole its files are', async () => {
    for (const step of [100, 200]) await save(step);
    const path = join(folder, 'step-000200');
    const file = join(path, 'optimizer.safetensors');
    await saveSafetensors(file, new Map([['mean/h.0.weight', tensor(0, 0, NaN)]]));
    const manifest = JSON.parse(await readFile(join(path, 'state.json'), 'utf8')) as Manifest;
    const sha256 = createHash('sha256')
      .update(await readFile(file))
      .digest('hex');
    const files = { ...manifest.files, 'optimizer.safetensors': sha256 };
    await writeFile(join(path, 'state.json'), JSON.stringify({ ...manifest, files }));
    await expect(latestCheckpoint(folder, { run: 'a run' })).rejects.toMatchObject({
      code: 'CHECKPOINT',
      message: `${path}: expected finite values of the optimizer's mean, got NaN in h.0.weight[2]\nhint: the latest sound one is ${join(folder, 'step-000100')}; move ${path} away and --resume begins there`,
    });
  });

  it('says so when no other is sound', async () => {
    await truncate(join(await save(100), 'state.json'), 0);
    await expect(latestCheckpoint(folder, { run: 'a run' })).rejects.toThrow(
      /\nhint: no other checkpoint of the run is sound/,
    );
  });
});
