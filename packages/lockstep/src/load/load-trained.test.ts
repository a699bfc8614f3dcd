import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createModel, defineModel, gpt, layers, loadRun, type ModelValue, saveModel, type TensorMap } from 'lockstep';
import { expect, onTestFinished, test } from 'vitest';
import { device } from '../../../../test/gpu.ts';

const double = defineModel({
  name: 'double',
  create({ width }: { width: number }) {
    const map = layers.linear(width, width, { bias: false });
    return { parameters: { map }, logits: ({ x }) => map(x!) };
  },
});

/** A model folder of what a loop of one's own has trained. */
async function stored(model: ModelValue): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'lockstep-trained-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const weights: TensorMap = new Map([['map.weight', { shape: [2, 2], data: Float32Array.of(2, 0, 0, 2) }]]);
  await saveModel(join(folder, 'model'), { config: createModel(model).config() }, weights);
  return join(folder, 'model');
}

test('a model of one’s own is loaded with its value, and with the settings that it was stored with', async () => {
  const folder = await stored(double({ width: 2 }));
  const loaded = await loadRun(folder, { model: double({ width: 7 }), device });
  const x = device.tensor(Float32Array.of(3, 4), [1, 2]);
  expect([...(await loaded.logits({ x }).read())]).toEqual([6, 8]);
});

test('without its code it is refused, and so is the code of another', async () => {
  const folder = await stored(double({ width: 2 }));
  await expect(loadRun(folder, { device })).rejects.toThrow(
    /^loadRun: expected the code of double, .*\nhint: .*\{ model \}$/s,
  );
  const other = gpt({ layers: 1, heads: 1, width: 2, context: 2 });
  await expect(loadRun(folder, { model: other, device })).rejects.toThrow(
    'loadRun: expected a model double, or a run with one, got gpt',
  );
});
