import { describe, expect, test } from 'vitest';
import { difference, noise } from '../../../../test/check-op.ts';
import { device } from '../../../../test/gpu.ts';
import { attention } from './attention.ts';
import { decodeAttention } from './decode-attention.ts';
import { rotary, rotaryTable } from './rotary.ts';

const batches = 2;
const context = 70;

describe.each([
  { headSize: 6, heads: 3, kvHeads: 3 },
  { headSize: 128, heads: 2, kvHeads: 1 },
  { headSize: 32, heads: 4, kvHeads: 2 },
])('head size $headSize, $heads heads on $kvHeads', ({ headSize, ...options }) => {
  const width = (options.heads + 2 * options.kvHeads) * headSize;

  test('a captured step, replayed token by token, gives the rows of attention', async () => {
    const data = Float32Array.from(noise(batches * context * width, 3));
    const table = rotaryTable(device, { context, headSize });
    const whole = device.scope(() => {
      const positions = device.tensor(
        Uint32Array.from({ length: batches * context }, (_, i) => i % context),
        [batches, context],
      );
      return attention(rotary(device.tensor(data, [batches, context, width]), positions, table, options), {
        ...options,
        causal: true,
      });
    });
    const expected = await whole.read();

    const row = device.empty([batches, 1, width]);
    const cache = device.empty([batches, context, 2 * options.kvHeads * headSize]);
    device.fill(cache, 1e9); // what lies beyond the position must not be seen
    const positions = device.empty([batches, 1], 'u32');
    const step = await device.capture(() =>
      decodeAttention(rotary(row, positions, table, options), cache, device.view(positions, 0, [1]), options),
    );
    const got = new Float32Array(expected.length);
    const outputs = options.heads * headSize;
    for (let position = 0; position < context; position++) {
      const sequences = Array.from({ length: batches }, (_, b) => (b * context + position) * width);
      row.write(Float32Array.from(sequences.flatMap((start) => [...data.subarray(start, start + width)])));
      positions.write(new Uint32Array(batches).fill(position));
      const [y] = await device.submit([step, step.result]);
      for (let b = 0; b < batches; b++)
        got.set(y!.subarray(b * outputs, (b + 1) * outputs), (b * context + position) * outputs);
    }
    expect(difference(got, expected)).toBeLessThan(1e-5);
    step.dispose();
    for (const tensor of [table, whole, row, cache, positions]) tensor.dispose();
  });
});

test('decodeAttention refuses more than one token, and caches of another width', () => {
  const [qkv, two] = [device.empty([1, 1, 12]), device.empty([1, 2, 12])];
  const [cache, position] = [device.empty([1, 9, 8]), device.empty([1], 'u32')];
  const message = /^decodeAttention: expected \(B, 1, /;
  expect(() => decodeAttention(two, cache, position, { heads: 1 })).toThrow(message);
  expect(() => decodeAttention(qkv, device.view(cache, 0, [1, 9, 4]), position, { heads: 1 })).toThrow(message);
  for (const tensor of [qkv, two, cache, position]) tensor.dispose();
});
